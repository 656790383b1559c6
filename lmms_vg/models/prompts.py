"""Turn text with image marks into token ids, and keep a question from containing control marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lmms_vg._util.error_codes import BadQuestion

#: Stands for all tokens of one image in rendered prompts.
IMAGE = "<image>"


class Tokens(NamedTuple):
    """Token ids, and for each the characters [start, stop) of the rendered prompt that it covers."""

    ids: list[int]
    spans: list[tuple[int, int]]


def expand(tokens: Tokens, token: int, counts: Sequence[int]) -> tuple[Tokens, tuple[int, ...]]:
    """Repeat the i-th occurrence of `token` counts[i] times: one image mark becomes all tokens of the image.

    Returns:
        The tokens, and the position of the first token of each image.
    """
    ids: list[int] = []
    spans: list[tuple[int, int]] = []
    starts: list[int] = []
    for i, span in zip(tokens.ids, tokens.spans, strict=True):
        times = 1
        if i == token:
            times = counts[len(starts)]
            starts.append(len(ids))
        ids += [i] * times
        spans += [span] * times
    return Tokens(ids, spans), tuple(starts)


def neutralise(text: str, forbidden: Sequence[str]) -> str:
    """Break every control mark inside user text with a space after its first character: `<image>` becomes `< image>`.

    A question is data. Unbroken, `<image>` would stand for one more image and `<|im_end|>` would end the turn.
    """
    for mark in sorted(forbidden, key=len, reverse=True):
        if mark.strip() and len(mark) > 1:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def join(parts: Sequence[str]) -> str:
    """Join images and texts of a message, one per line, as LLaVA-like templates do."""
    return "\n".join(parts)


def tokenise(tokenizer: Any, text: str, begin_of_text: bool) -> Tokens:
    """Tokenise a rendered prompt as a whole: pieces tokenised separately would differ where they meet."""
    begin = tokenizer.bos_token
    double = bool(begin) and text.startswith(begin)
    encoded = tokenizer(text, add_special_tokens=begin_of_text and not double, return_offsets_mapping=True)
    return Tokens(list(encoded["input_ids"]), [(int(a), int(b)) for a, b in encoded["offset_mapping"]])


def question_span(tokens: Tokens, text: str, parts: Sequence[str], mark: str = IMAGE) -> tuple[int, int]:
    """Token range [start, stop) of the user's text after the last image (`mark` in `text`); empty if there is none.

    "After" refers to the rendered prompt, because a template may move images to the front of the message.
    """
    after = text.rfind(mark) + len(mark) if mark in text else 0
    start = stop = after
    for part in (part.strip() for part in parts if part != IMAGE and part.strip()):
        place = text.find(part, stop)
        if place >= 0:
            start, stop = (place if stop == after else start), place + len(part)
    inside = [i for i, (a, b) in enumerate(tokens.spans) if a < stop and b > start and a >= after]
    if not inside:
        first = next((i for i, (a, b) in enumerate(tokens.spans) if a >= after and b > a), 0)
        return first, first
    return inside[0], inside[-1] + 1


def require_room(tokens: int, limit: int, of_images: int, settings: Sequence[str]) -> None:
    """Refuse a prompt that is too long for the model.

    Args:
        tokens: Length of the prompt.
        limit: Number of tokens that the model does not take any more.
        of_images: How many of the tokens are of images.
        settings: Names of the family's settings; those that begin with `max_` bound the size of images.

    Raises:
        BadQuestion: The message says what would make the prompt shorter.
    """
    if tokens < limit:
        return
    smaller = "".join(f", or with a smaller {name}" for name in settings if name.startswith("max_"))
    raise BadQuestion(
        f"prompt of {tokens} tokens: the model takes fewer than {limit}, and the images have {of_images}; "
        f"ask about fewer images or in fewer words{smaller}"
    )
