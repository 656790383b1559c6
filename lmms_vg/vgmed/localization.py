"""Localization questions, with the paper's ten templates (Figure I.2): is this label there? Also about labels that are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from lmms_vg.vgmed.balance import rank
from lmms_vg.vgmed.grammar import noun
from lmms_vg.vgmed.schema import BoxQuestion, Item

#: The ten questions, in the paper's order, with articles and verbs that follow the label.
TEMPLATES = (
    "{Is} there {a label} in the image?",
    "Can you see {a label} in the image?",
    "Does the image contain {a label}?",
    "{Is} {a label} present in this image?",
    "Do you see {a label} in the picture?",
    "{Is} the {label} visible in the image?",
    "Is there any sign of {a label} in the image?",
    "Can {a label} be found in this image?",
    "Does this image show {a label}?",
    "{Is} {a label} shown in the picture?",
)


def localization(item: Item, seed: int) -> BoxQuestion:
    """Return the question about an item's own label, whose answer is yes. The template is drawn by seed and item."""
    return _question(item, item.label, "localization", seed, "yes")


def absent(items: Iterable[Item], exhaustive: frozenset[str], k: int, seed: int) -> Iterator[BoxQuestion]:
    """Yield up to k questions per item about labels that its image does not show; the answer is no.

    Such a label is one that the item's source masks elsewhere, and not on this image, not even by a mask that was dropped. Only
    a source that masks its labels wherever they are seen can say so. No label is asked about twice on an image.

    Args:
        items: of the data set.
        exhaustive: names of the sources whose masks are complete.
        k: questions per item; fewer where an image lacks fewer labels.
        seed: of the draw.
    """
    items = [item for item in items if item.source in exhaustive]
    vocabulary: dict[tuple[str, str], set[str]] = defaultdict(set)
    shown: dict[str, set[str]] = defaultdict(set)
    for item in items:
        vocabulary[item.source, item.modality].add(item.label)
        shown[item.image_hash] |= {item.label, *item.shows}
    left: dict[str, list[str]] = {}
    for item in items:
        if item.image_hash not in left:
            lacking = vocabulary[item.source, item.modality] - shown[item.image_hash]
            left[item.image_hash] = sorted(lacking, key=lambda label: rank(seed, f"{item.image_hash}/{label}"))
        for number in range(1, k + 1):
            if left[item.image_hash]:
                yield _question(item, left[item.image_hash].pop(0), f"absent-{number}", seed, "no")


def _question(item: Item, label: str, suffix: str, seed: int, answer: str) -> BoxQuestion:
    identifier = f"{item.id}-{suffix}"
    number = int(rank(seed, identifier), 16) % len(TEMPLATES)
    return BoxQuestion(
        id=identifier,
        item=item.id,
        kind="localization",
        text=noun(label).fill(TEMPLATES[number]),
        label=label,
        answer="yes" if answer == "yes" else "no",
        author=f"template {number + 1}",
    )
