"""Which submissions give nearly the same scores: copies of each other, whatever they call themselves.

A copy with a few answers changed cannot be told from a second honest run of the same checkpoint. So nothing is left out for
being like something else: both are shown and say so, and where rows are counted, rows that are alike count once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from lmms_vg.runs.agreement import FIELDS
from lmms_vg.submission.validated import Entry, Scores, Values

#: Correlation of two runs' scores over the questions from which on they are alike.
ALIKE = 0.9

#: Questions that two runs must both have a score for before it is said that they are alike.
FEWEST = 100

#: Scores of each run, at least, that are not its commonest: models that are nearly always right agree by that alone.
TELLING = 10

_ORDER = ("earlier", "", "later")


class Likeness(NamedTuple):
    """Another submission that an entry is like. `tasks`: task -> correlation, for those on which they are alike.

    `came`: whether the other one came "earlier" or "later"; empty where the repository's history does not say.
    """

    other: str
    tasks: dict[str, float]
    came: str


def likenesses(entries: Sequence[Entry]) -> dict[str, list[Likeness]]:
    """Id -> the submissions that it is like, for those that are like any: those that came earlier first, then the most alike.

    Methods that one card names for one model are expected to be alike, so they are not said to be.
    """
    found: dict[str, dict[str, Likeness]] = {}
    for task in sorted({task for entry in entries for task in entry.scores}):
        group = [entry for entry in entries if task in entry.scores]
        r = _overlapping(_by_question([entry.scores[task] for entry in group]))
        for number, other in np.argwhere(r >= ALIKE):
            entry, like = group[number], group[other]
            if number != other and not _expected(entry, like):
                of_entry = found.setdefault(entry.id, {})
                likeness = of_entry.setdefault(like.id, Likeness(like.id, {}, _came(like, entry)))
                likeness.tasks[task] = float(r[number, other])
    place = {entry.id: entry.precedence() for entry in entries}
    return {
        id: sorted(
            of_entry.values(),
            key=lambda one: (_ORDER.index(one.came), -round(fmean(one.tasks.values()), 6), place[one.other]),
        )
        for id, of_entry in found.items()
    }


def correlations(rows: Values) -> Values:
    """(runs, runs) of (runs, questions) scores. A run without spread correlates with its equals only, by 1."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    varies = length > 1e-9 * np.sqrt((rows**2).sum(axis=1, keepdims=True))  # else it is rounding
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=varies)
    equal = ~varies & ~varies.T & np.isclose(rows[:, :1], rows[:, :1].T)
    return np.where(equal, 1.0, np.clip(unit @ unit.T, -1.0, 1.0))


class Counter:
    """Counts rows of (rows, questions) scores, those that are alike once."""

    def __init__(self, rows: Values) -> None:
        alike = np.packbits(correlations(rows) >= ALIKE, axis=1, bitorder="little")
        self._alike = [int.from_bytes(row.tobytes(), "little") for row in alike]

    def count(self, rows: Sequence[int]) -> int:
        """Of these numbers of rows, those that are like none before them: what comes later never takes a place away."""
        counted = number = 0
        for row in rows:
            if not self._alike[row] & counted:
                counted |= 1 << row
                number += 1
        return number


def _by_question(runs: Sequence[Scores]) -> Values:
    """(runs, questions), NaN without a score: by uid, so that neither another order nor a question less hides a copy."""
    columns = {uid: number for number, uid in enumerate(dict.fromkeys(uid for run in runs for uid in run.uids))}
    rows = np.full((len(runs), len(columns)), np.nan)
    for row, run in zip(rows, runs, strict=True):
        row[[columns[uid] for uid in run.uids]] = run.values
    return rows


def _overlapping(rows: Values) -> Values:
    """(runs, runs) correlations, each over the questions that both have a score for; NaN where too little can be told."""
    scored = np.isfinite(rows)
    telling = np.array([_telling(row[there]) for row, there in zip(rows, scored, strict=True)])
    centres = np.array([row[there].mean() if there.any() else 0.0 for row, there in zip(rows, scored, strict=True)])
    values, there = np.where(scored, rows - centres[:, None], 0.0), scored.astype(np.float64)
    n = there @ there.T
    told = (n >= FEWEST) & telling[:, None] & telling[None]
    sums, squares = values @ there.T, values**2 @ there.T  # of a row, over the questions that it shares with another
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - sums**2 / n
        r = (values @ values.T - sums * sums.T / n) / np.sqrt(spread * spread.T)
    return np.where(told, np.clip(r, -1.0, 1.0), np.nan)


def _telling(values: Values) -> bool:
    _, times = np.unique(values, return_counts=True)
    return len(values) - int(times.max(initial=0)) >= TELLING


def _expected(one: Entry, other: Entry) -> bool:
    """Whether both are a submitter's own, of one model, and say that they were run differently."""
    first, second = one.manifest, other.manifest
    return (first.card, first.run.weights) == (second.card, second.run.weights) and _run(one) != _run(other)


def _run(entry: Entry) -> Hashable:
    run = entry.manifest.run
    return run.method, *(getattr(run, name) for name in FIELDS)


def _came(other: Entry, entry: Entry) -> str:
    if other.arrival == entry.arrival:
        return ""
    return "earlier" if other.precedence() < entry.precedence() else "later"
