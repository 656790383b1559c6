"""Which submissions belong together: a method and its plain run, which have to be of the same circumstances.

Anyone may send in a plain run of anyone's model. So for every task a model's own submitter comes first, then what came into the
repository first, which nobody who comes later can change. Where neither tells plain runs apart that give different scores, none
is believed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.runs.agreement import FIELDS
from lmms_vg.submission.validated import Entry


class PlainRuns(NamedTuple):
    """Of one method. `of`: task -> its plain run. `disputed`: task -> ids of plain runs that differ, none of them believed.

    `contradicted`: task -> ids of plain runs that differ from the one believed, and do not come before it.
    """

    of: dict[str, Entry]
    disputed: dict[str, list[str]]
    contradicted: dict[str, list[str]]


NONE = PlainRuns({}, {}, {})


def plain_runs(entries: Sequence[Entry]) -> dict[str, PlainRuns]:
    """Id -> its plain runs, for every entry of a method that shares a task with any."""
    plain: dict[Hashable, list[Entry]] = {}
    for entry in sorted(entries, key=Entry.precedence):
        if entry.is_plain:
            plain.setdefault(_circumstances(entry), []).append(entry)
    found = {}
    for entry in entries:
        fitting = [] if entry.is_plain else [one for one in plain.get(_circumstances(entry), ()) if _fits(entry, one)]
        if (runs := _by_task(entry, fitting)) != NONE:
            found[entry.id] = runs
    return found


def _fits(entry: Entry, plain: Entry) -> bool:
    return plain.manifest.protocol in (entry.manifest.protocol, None)


def _by_task(entry: Entry, plain: Sequence[Entry]) -> PlainRuns:
    runs = PlainRuns({}, {}, {})
    for task, scores in sorted(entry.scores.items()):
        alike = [one for one in plain if task in one.scores and one.scores[task].comparable == scores.comparable]
        if not alike:
            continue
        own = [one for one in alike if one.manifest.card == entry.manifest.card] or alike
        first = [one for one in own if one.arrival == own[0].arrival]
        if any(_differ(first[0], one, task) for one in first):
            runs.disputed[task] = [one.id for one in first]
            continue
        runs.of[task] = first[0]
        if differing := [one.id for one in own if _differ(first[0], one, task)]:
            runs.contradicted[task] = differing
    return runs


def _differ(one: Entry, other: Entry, task: str) -> bool:
    return not np.array_equal(one.scores[task].values, other.scores[task].values, equal_nan=True)


def _circumstances(entry: Entry) -> Hashable:
    """What a method and its plain run must have in common."""
    return tuple(getattr(entry.manifest.run, name) for name in FIELDS)
