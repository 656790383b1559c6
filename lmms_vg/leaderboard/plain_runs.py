"""Which submissions belong together: a method and its plain run, which have to be of the same circumstances; and copies.

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

    Of several that say the same the one with most tasks in common, then of the smallest id.
    """
    return {id: found[0] for id, found in _candidates(entries).items() if len(found) == 1}


def disputed(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Id -> ids of plain runs that differ from each other, for every entry of a method that has such."""
    return {id: [one.id for one in found] for id, found in _candidates(entries).items() if len(found) > 1}


def shared(entry: Entry, plain: Entry) -> list[str]:
    """Tasks on which both answered the same questions under the same rule."""
    both = sorted(entry.scores.keys() & plain.scores.keys())
    return [task for task in both if comparable(entry.scores[task]) == comparable(plain.scores[task])]


def is_copy(one: Entry, other: Entry) -> bool:
    """Whether ``other`` says all that ``one`` says: the same model and method with equal scores on all its tasks, and on more,
    or with a smaller id."""
    same = one.id != other.id and one.manifest.run.method == other.manifest.run.method
    if (
        not same
        or _circumstances(one) != _circumstances(other)
        or one.manifest.tasks.keys() - other.manifest.tasks.keys()
    ):
        return False
    if set(shared(one, other)) != one.scores.keys() or _differ(one, [one, other]):
        return False
    return len(other.manifest.tasks) > len(one.manifest.tasks) or other.id < one.id


def _candidates(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """One plain run a method, or all that fit where two of them differ on a task of the method.

    Those with the method's own model card come before all others. What is compared by accuracy counts before what is not.
    """
    plain: dict[Hashable, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.id):
        if entry.is_plain:
            plain.setdefault(_circumstances(entry), []).append(entry)
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        fitting = [] if entry.is_plain else [one for one in plain.get(_circumstances(entry), ()) if _fits(entry, one)]
        fitting = [one for one in fitting if one.manifest.card == entry.manifest.card] or fitting
        if fitting:
            most = max(fitting, key=lambda one: _in_common(entry, one))  # the first of equals
            found[entry.id] = fitting if _differ(entry, fitting) else [most]
    return found


def _fits(entry: Entry, plain: Entry) -> bool:
    return plain.manifest.protocol in (entry.manifest.protocol, None) and bool(shared(entry, plain))


def _in_common(entry: Entry, plain: Entry) -> tuple[int, int]:
    tasks = shared(entry, plain)
    return sum(entry.scores[task].metric == "acc" for task in tasks), len(tasks)


def _differ(entry: Entry, fitting: Sequence[Entry]) -> bool:
    """Scores without a value are at the same places, which ``comparable`` has seen to."""
    for task in entry.scores:
        values = [one.scores[task].values for one in fitting if task in shared(entry, one)]
        if any(not np.array_equal(values[0], other, equal_nan=True) for other in values[1:]):
            return True
    return False


def _circumstances(entry: Entry) -> Hashable:
    """What a method and its plain run must have in common."""
    return tuple(getattr(entry.manifest.run, name) for name in FIELDS)
