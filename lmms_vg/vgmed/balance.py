"""Draw items so that no modality and body part outweighs the others."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from lmms_vg.vgmed.schema import Item


def rank(seed: int, text: str) -> str:
    """A place in a random order that depends on the seed and this text only, so that other items do not change it."""
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()


def balanced(items: Iterable[Item], most: int | None, seed: int) -> list[Item]:
    """Keep at most `most` items of every modality and body part, in their order; None keeps all.

    Inside a group, labels take turns, and so do the patients of a label: rare labels stay, and no patient fills the group.
    """
    items = list(items)
    if most is None:
        return items
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.modality, item.body_part].append(item)
    kept = {item.id for group in groups.values() for item in _in_turns(group, seed)[:most]}
    return [item for item in items if item.id in kept]


def _in_turns(group: list[Item], seed: int) -> list[Item]:
    """The group, drawn round by round: every label once, then every label a second time, ..."""
    drawn: list[tuple[int, str, Item]] = []
    by_label: dict[str, list[Item]] = defaultdict(list)
    for item in group:
        by_label[item.label].append(item)
    for same in by_label.values():
        drawn += [(turn, rank(seed, item.id), item) for turn, item in enumerate(_patients_in_turns(same, seed))]
    return [item for _, _, item in sorted(drawn, key=lambda entry: entry[:2])]


def _patients_in_turns(items: list[Item], seed: int) -> list[Item]:
    by_patient: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: rank(seed, item.id)):
        by_patient[item.source, item.patient].append(item)
    turns = [(turn, rank(seed, item.id), item) for same in by_patient.values() for turn, item in enumerate(same)]
    return [item for _, _, item in sorted(turns, key=lambda entry: entry[:2])]
