"""Draw items so that no modality and body part outweighs the others."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from sys import intern
from typing import NamedTuple

from lmms_vg.vgmed.schema import Item


def rank(seed: int, text: str) -> str:
    """Return a place in a random order that depends on the seed and this text only, so that other items do not change it."""
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()


class _Drawable(NamedTuple):
    """The properties of an item that the draw needs."""

    id: str
    modality: str
    body_part: str
    label: str
    source: str
    patient: str


def balanced(items: Iterable[Item], most: int, seed: int) -> set[str]:
    """Return the ids of at most `most` items of every modality and body part.

    Inside a group, labels take turns, and so do the patients of a label: rare labels stay, and no patient fills the group.
    """
    groups: dict[tuple[str, str], list[_Drawable]] = defaultdict(list)
    for item in items:
        place = _Drawable(item.id, *map(intern, (item.modality, item.body_part, item.label, item.source, item.patient)))
        groups[item.modality, item.body_part].append(place)
    return {place.id for group in groups.values() for place in _in_turns(group, seed)[:most]}


def _in_turns(group: list[_Drawable], seed: int) -> list[_Drawable]:
    """Return the group, drawn round by round: every label once, then every label a second time, ..."""
    by_label: dict[str, list[_Drawable]] = defaultdict(list)
    for place in group:
        by_label[place.label].append(place)
    drawn = [entry for same in by_label.values() for entry in enumerate(_patients_in_turns(same, seed))]
    return _by_turn(drawn, seed)


def _patients_in_turns(places: list[_Drawable], seed: int) -> list[_Drawable]:
    by_patient: dict[tuple[str, str], list[_Drawable]] = defaultdict(list)
    for place in sorted(places, key=lambda place: rank(seed, place.id)):
        by_patient[place.source, place.patient].append(place)
    return _by_turn([entry for same in by_patient.values() for entry in enumerate(same)], seed)


def _by_turn(drawn: list[tuple[int, _Drawable]], seed: int) -> list[_Drawable]:
    return [place for _, place in sorted(drawn, key=lambda entry: (entry[0], rank(seed, entry[1].id)))]
