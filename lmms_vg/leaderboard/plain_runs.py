"""Which plain run a submission is shown beside: what the method changed can be seen only under the same circumstances.

Anyone may send in a plain run of anyone's model. A model's own submitter comes first, and where plain runs that should be the
same give different scores, none is believed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from lmms_vg.leaderboard.ranks import comparable
from lmms_vg.study.agreement import FIELDS
from lmms_vg.submission.entry import Entry


def plain_runs(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Id -> the plain run of its model, for every entry of a method that has one.

    Of several that say the same the one of the smallest id.
    """
    return {id: found[0] for id, found in _candidates(entries).items() if len(found) == 1}


def disputed(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Id -> ids of plain runs that differ from each other, for every entry of a method that has such."""
    return {id: [one.id for one in found] for id, found in _candidates(entries).items() if len(found) > 1}


def shared(entry: Entry, plain: Entry) -> list[str]:
    """Tasks on which both answered the same questions under the same rule."""
    both = sorted(entry.scores.keys() & plain.scores.keys())
    return [task for task in both if comparable(entry.scores[task]) == comparable(plain.scores[task])]


def _candidates(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """One plain run a method, or all between which nothing decides: of those with the same model card, else of all, and of
    these of those that share most tasks."""
    plain: dict[Hashable, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.id):
        if entry.is_plain:
            plain.setdefault(_circumstances(entry), []).append(entry)
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        fitting = [] if entry.is_plain else [one for one in plain.get(_circumstances(entry), ()) if shared(entry, one)]
        fitting = [one for one in fitting if one.manifest.card == entry.manifest.card] or fitting
        most = max((len(shared(entry, one)) for one in fitting), default=0)
        fitting = [one for one in fitting if len(shared(entry, one)) == most]
        if fitting:
            found[entry.id] = fitting[:1] if all(_agree(fitting[0], one) for one in fitting[1:]) else fitting
    return found


def _agree(first: Entry, second: Entry) -> bool:
    """Scores without a value are at the same places, which ``comparable`` has seen to."""
    return all(
        np.array_equal(first.scores[task].values, second.scores[task].values, equal_nan=True)
        for task in shared(first, second)
    )


def _circumstances(entry: Entry) -> Hashable:
    """What a method and its plain run must have in common."""
    return tuple(getattr(entry.manifest.run, name) for name in FIELDS)
