"""Recognise HuatuoGPT-Vision checkpoints: the prompt of this family is wrong for any other LLaVA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lmms_vg.models.checkpoint import read_json
from lmms_vg.models.original_layout import is_original

#: Role marks of HuatuoGPT-Vision's prompt; plain text to its own tokenizers.
ROLES = ("<|user|>", "<|assistant|>")

#: Model types of the original repositories (7B, 34B) -> model types of their text models.
TEXT_MODELS = {"llava_qwen2": "qwen2", "llava_llama": "llama"}


class Size(NamedTuple):
    """Properties of one size of HuatuoGPT-Vision: its text model, and the ids that conversions gave `<image>`."""

    text: str
    width: int
    vocabulary: int
    image_tokens: frozenset[int]


#: Qwen2-7B (`<image>` after Qwen2's 3 or Qwen2.5's 22 control tokens) and Yi-34B, both with CLIP ViT-L/14-336.
SIZES = (
    Size("qwen2", 3584, 152_064, frozenset({151_646, 151_665})),
    Size("llama", 7168, 64_000, frozenset({64_000})),
)

#: Most rows that conversions add to the vocabulary, for `<image>`, `<pad>` and a multiple of 64.
ADDED_ROWS = 64


def is_huatuo(raw: Mapping[str, Any]) -> bool:
    """Return whether a stored config.json is that of a HuatuoGPT-Vision, in either layout."""
    return difference(raw) is None


def difference(raw: Mapping[str, Any]) -> str | None:
    """Describe the difference of a stored config.json from HuatuoGPT-Vision's; None if there is none."""
    text = raw.get("text_config") or raw
    kind = TEXT_MODELS.get(str(raw.get("model_type"))) if is_original(raw) else text.get("model_type", "llama")
    width, vocabulary = text.get("hidden_size", 4096), text.get("vocab_size", 32_000)
    for size in SIZES:
        if (kind, width) == size[:2] and 0 <= vocabulary - size.vocabulary <= ADDED_ROWS:
            break
    else:
        return f"its text model is {kind!r} of width {width} with a vocabulary of {vocabulary}"
    if is_original(raw):
        return None
    image = raw.get("image_token_index", raw.get("image_token_id"))
    if image not in size.image_tokens:
        return f"its image token is {image}"
    tower = raw.get("vision_config") or {}
    if (tower.get("image_size", 336), tower.get("patch_size", 14)) != (336, 14):
        return f"its vision tower takes {tower.get('image_size')} pixels in patches of {tower.get('patch_size')}"
    return None


def has_role_words(pretrained: str, revision: str | None) -> bool:
    """Return whether both role marks are ordinary words of the vocabulary, as in models made for this prompt (the demo).

    In other models they are special tokens with another meaning (Phi-3, Falcon 3), or no tokens at all.
    """
    stored = read_json(pretrained, revision, "tokenizer.json") or {}
    words = stored.get("model", {}).get("vocab", {})
    special = {token["content"] for token in stored.get("added_tokens", ())}
    return isinstance(words, dict) and all(role in words and role not in special for role in ROLES)


def not_huatuo(pretrained: str, reason: str) -> str:
    """Return the message that says why the family refuses a checkpoint."""
    return (
        f"pretrained={pretrained!r} is not a HuatuoGPT-Vision: {reason}; 'huatuo' takes HuatuoGPT-Vision 7B (Qwen2-7B, "
        f"vocabulary 152064) and 34B (Yi-34B, 64000), and models whose vocabulary has the words {' and '.join(ROLES)}"
    )
