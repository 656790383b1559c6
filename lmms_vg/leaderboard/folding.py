"""One line per model and method: of its settings one is ranked, and the others are folded under it.

Whoever could rank forty settings of a method would push everybody else forty places down, and would have forty tries. So a
line is ranked by a single setting: the one that its submitter's card names, else the method's defaults, else the first that
was submitted. The line belongs to the card that came first, and nobody else's card decides for it. Where nobody knows which
card came first, each has a line of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.submission.schema import Card
from lmms_vg.submission.validated import Entry


class Fold(NamedTuple):
    """An entry's place in its line.

    Attributes:
        line: what the entries of one model and method have in common.
        place: the entry of the lowest place, among those that have a number in a column, is ranked there.
    """

    line: Hashable
    place: int


def folds(entries: Sequence[Entry]) -> dict[str, Fold]:
    """Return id -> its place in its line."""
    runs: dict[Hashable, list[Entry]] = {}
    for entry in sorted(entries, key=Entry.precedence):
        runs.setdefault((entry.model, entry.method), []).append(entry)
    result: dict[str, Fold] = {}
    for of, members in runs.items():
        first = [entry.manifest.card for entry in members if entry.arrival == members[0].arrival]
        owners = [card for number, card in enumerate(first) if card not in first[:number]]
        for number, owner in enumerate(owners):
            line = [entry for entry in members if _belongs(entry, owners) == number]
            # Sorting is stable, so the order of arrival decides between equals.
            line.sort(key=lambda entry: (entry.manifest.card != owner, not _is_named(entry), not _is_default(entry)))
            result |= {entry.id: Fold((of, number), place) for place, entry in enumerate(line)}
    return result


def _belongs(entry: Entry, owners: Sequence[Card]) -> int:
    return owners.index(entry.manifest.card) if entry.manifest.card in owners else 0


def _is_named(entry: Entry) -> bool:
    """Return whether the entry's card names its setting as the one to rank."""
    named = entry.manifest.card.settings.get(entry.method)
    if named is None or entry.declared:
        return False
    stated = MethodSpec(name=entry.method, hyper_parameters=named).arguments
    has = entry.run.method.arguments
    return all(has.get(name) == text for name, text in stated.items())


def _is_default(entry: Entry) -> bool:
    return not entry.declared and entry.run.default_settings is True
