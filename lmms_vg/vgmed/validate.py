"""Check a built data set against its images and masks, and count how it is distributed (the paper's Figure 2b)."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from lmms_vg.datasets.mask_boxes import covered
from lmms_vg.vgmed import rle
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.grammar import noun
from lmms_vg.vgmed.schema import BoxQuestion, Item
from lmms_vg.vision.images import open_picture, open_rgb

#: Upper ends of the groups of box shares, in percent of the image; the last one holds the rest.
SHARES = (1, 5, 10, 30)


def problems(built: BuiltDataset) -> Iterator[str]:
    """Yield what is wrong: with files and lines, with images, with masks and boxes, and with articles and plurals."""
    yield from built.problems
    sources = {source.name for source in built.card.sources}
    hashes: dict[str, str] = {}
    for item in built.items.values():
        if item.source not in sources:
            yield f"item {item.id}: source {item.source!r} is not on the card, so its licence is not known"
        yield from _image_problems(built, item, hashes)
        yield from _mask_problems(item)
    for question in built.questions:
        yield from _grammar_problems(question)


def distributions(built: BuiltDataset) -> dict[str, Counter[str]]:
    """Return the number of items by modality, body part, share of the image in boxes, and source, most frequent first."""
    items = built.items.values()
    columns: dict[str, Callable[[Item], str]] = {
        "modality": lambda item: item.modality,
        "body part": lambda item: item.body_part,
        "box share": lambda item: share_group(item.share),
        "source": lambda item: item.source,
    }
    counted = {name: Counter(map(column, items)) for name, column in columns.items()}
    counted["box share"] = Counter({name: counted["box share"][name] for name in _share_names()})
    return counted


def share_group(share: float) -> str:
    """Return the group of a share from 0 to 1.

    >>> share_group(0.0278), share_group(0.5)
    ('1 to 5%', 'over 30%')
    """
    return next(
        (name for end, name in zip(SHARES, _share_names(), strict=False) if share * 100 <= end), _share_names()[-1]
    )


def distinct_share(questions: Sequence[BoxQuestion]) -> float:
    """Share of question texts that are different; NaN for no questions."""
    return len({question.text for question in questions}) / len(questions) if questions else float("nan")


def flagged(questions: Iterable[BoxQuestion]) -> Counter[str]:
    """Check -> number of questions that it flags."""
    return Counter(flag.code for question in questions for flag in question.flags)


def _share_names() -> list[str]:
    return [
        f"up to {SHARES[0]}%",
        *(f"{low} to {high}%" for low, high in itertools.pairwise(SHARES)),
        f"over {SHARES[-1]}%",
    ]


def _image_problems(built: BuiltDataset, item: Item, hashes: dict[str, str]) -> Iterator[str]:
    """`hashes` keeps what was opened: several items share an image."""
    if item.image not in hashes:
        try:
            hashes[item.image] = open_picture(open_rgb(built.image_path(item))).hash
        except (ValueError, OSError) as problem:
            hashes[item.image] = ""
            yield f"item {item.id}: {item.image}: {problem}; build the data set again"
            return
        if hashes[item.image] != item.image_hash:
            yield f"item {item.id}: {item.image}: its pixels are not those that the item was made of; build the data set again"


def _mask_problems(item: Item) -> Iterator[str]:
    try:
        mask = rle.decode(item.mask)
    except ValueError as problem:
        yield f"item {item.id}: {problem}; build the data set again"
        return
    inside = covered(item.boxes, item.height, item.width)
    if (mask & ~inside).any():
        yield f"item {item.id}: {int((mask & ~inside).sum())} pixels of its mask lie outside of its boxes"
    for x1, y1, x2, y2 in item.boxes:
        part = mask[y1:y2, x1:x2]
        if not (part[0].any() and part[-1].any() and part[:, 0].any() and part[:, -1].any()):
            yield f"item {item.id}: the box {[x1, y1, x2, y2]} is not tight: an edge of it touches no pixel of the mask"


def _grammar_problems(question: BoxQuestion) -> Iterator[str]:
    """Yield a wrong article, or an article before many or a mass."""
    label = noun(question.label)
    for match in re.finditer(rf"\b(an?)\s+{re.escape(question.label)}\b", question.text):
        right = label.with_article
        if match.group() != right:
            yield f"question {question.id}: {match.group()!r} in {question.text!r}; better is {right!r}"
