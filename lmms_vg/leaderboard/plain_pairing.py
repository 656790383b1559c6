"""Pair each method with the plain run of its model, which must have the same circumstances.

Anyone may submit a plain run of anyone's model. So for every task, a plain run by the model's own submitter comes first, then
the one that came into the repository first, which nobody can change later. If neither decides between plain runs with
different scores, none of them is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.submission.validated import Entry


class PlainRuns(NamedTuple):
    """The plain runs of one method.

    Attributes:
        of: task -> its plain run.
        disputed: task -> ids of plain runs that differ, so that none of them is used.
        contradicted: task -> ids of plain runs that differ from the one used and did not come before it.
    """

    of: dict[str, Entry]
    disputed: dict[str, list[str]]
    contradicted: dict[str, list[str]]


NONE = PlainRuns({}, {}, {})


def plain_runs(entries: Sequence[Entry]) -> dict[str, PlainRuns]:
    """Return id -> plain runs, for every method's entry that shares a task with a plain run."""
    plain: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=Entry.precedence):
        if entry.is_plain:
            plain.setdefault(entry.circumstances, []).append(entry)
    pairs = {}
    for entry in entries:
        alone = entry.is_plain or entry.declared
        fitting = [] if alone else [run for run in plain.get(entry.circumstances, ()) if _fits(entry, run)]
        if (runs := _by_task(entry, fitting)) != NONE:
            pairs[entry.id] = runs
    return pairs


def _fits(entry: Entry, plain: Entry) -> bool:
    return plain.manifest.protocol in (entry.manifest.protocol, None)


def _by_task(entry: Entry, plain: Sequence[Entry]) -> PlainRuns:
    runs = PlainRuns({}, {}, {})
    for task, scores in sorted(entry.scores.items()):
        comparable = [run for run in plain if task in run.scores and run.scores[task].comparable == scores.comparable]
        if not comparable:
            continue
        same_card = [run for run in comparable if run.manifest.card == entry.manifest.card] or comparable
        first = [run for run in same_card if run.arrival == same_card[0].arrival]
        if any(_differ(first[0], run, task) for run in first):
            runs.disputed[task] = [run.id for run in first]
            continue
        runs.of[task] = first[0]
        if differing := [run.id for run in same_card if _differ(first[0], run, task)]:
            runs.contradicted[task] = differing
    return runs


def _differ(first: Entry, second: Entry, task: str) -> bool:
    return not np.array_equal(first.scores[task].values, second.scores[task].values, equal_nan=True)
