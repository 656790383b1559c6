"""Find submissions with nearly the same scores: copies of each other, whatever they call themselves.

A copy with a few changed answers looks the same as a second honest run of the same checkpoint. So no submission is left out
for being like another: both are shown and marked, and where rows are counted, rows that are alike count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from lmms_vg.submission.validated import Entry, Scores, Values

#: Two runs are alike if their scores correlate by this much or more over the questions.
ALIKE = 0.9

#: Number of questions that both runs must have a score for before they can be called alike.
FEWEST = 100

#: Smallest number of scores in each run that differ from its commonest score: nearly perfect models always agree.
TELLING = 10

_ORDER = ("earlier", "", "later")


class Likeness(NamedTuple):
    """Another submission that an entry is like.

    Attributes:
        tasks: task -> correlation, for the tasks on which they are alike.
        came: whether the other one came "earlier" or "later"; empty if the repository's history does not say.
    """

    other: str
    tasks: dict[str, float]
    came: str


def likenesses(entries: Sequence[Entry]) -> dict[str, list[Likeness]]:
    """Return id -> the submissions that it is like, earlier ones first, then the most alike; ids like no other are left out.

    Methods that one card names for one model are expected to be alike and are not listed.
    """
    likes: dict[str, dict[str, Likeness]] = {}
    for task in sorted({task for entry in entries for task in entry.scores}):
        group = [entry for entry in entries if task in entry.scores]
        r = _overlapping(_by_question([entry.scores[task] for entry in group]))
        for number, other in np.argwhere(r >= ALIKE):
            entry, like = group[number], group[other]
            if number != other and not _expected(entry, like):
                of_entry = likes.setdefault(entry.id, {})
                likeness = of_entry.setdefault(like.id, Likeness(like.id, {}, _came(like, entry)))
                likeness.tasks[task] = float(r[number, other])
    place = {entry.id: entry.precedence() for entry in entries}
    return {
        id: sorted(
            of_entry.values(),
            key=lambda likeness: (
                _ORDER.index(likeness.came),
                -round(fmean(likeness.tasks.values()), 6),
                place[likeness.other],
            ),
        )
        for id, of_entry in likes.items()
    }


def correlations(rows: Values) -> Values:
    """Return (runs, runs) correlations of (runs, questions) scores; constant runs correlate by 1 with equal runs, else by 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    varies = length > 1e-9 * np.sqrt((rows**2).sum(axis=1, keepdims=True))  # otherwise the spread is a rounding error
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=varies)
    equal = ~varies & ~varies.T & np.isclose(rows[:, :1], rows[:, :1].T)
    return np.where(equal, 1.0, np.clip(unit @ unit.T, -1.0, 1.0))


class Counter:
    """Counts rows of (rows, questions) scores; a row counts as the first earlier row that it is like, if there is one."""

    def __init__(self, rows: Values) -> None:
        alike = correlations(rows) >= ALIKE
        first: list[int] = []
        self._counts_as: list[int] = []
        for row in range(len(rows)):
            like = next((other for other in first if alike[row, other]), row)
            self._counts_as.append(like)
            if like == row:
                first.append(row)

    def count(self, rows: Iterable[int]) -> int:
        """Return as how many these rows count. A later row never changes what earlier ones count as."""
        return len({self._counts_as[row] for row in rows})


def _by_question(runs: Sequence[Scores]) -> Values:
    """Return (runs, questions) scores by uid, NaN where missing; so neither reordering nor a missing question hides a copy."""
    columns = {uid: number for number, uid in enumerate(dict.fromkeys(uid for run in runs for uid in run.uids))}
    rows = np.full((len(runs), len(columns)), np.nan)
    for row, run in zip(rows, runs, strict=True):
        row[[columns[uid] for uid in run.uids]] = run.values
    return rows


def _overlapping(rows: Values) -> Values:
    """Return (runs, runs) correlations over the questions that both have a score for; NaN where these tell too little."""
    scored = np.isfinite(rows)
    telling = np.array([_telling(row[present]) for row, present in zip(rows, scored, strict=True)])
    centres = np.array(
        [row[present].mean() if present.any() else 0.0 for row, present in zip(rows, scored, strict=True)]
    )
    values, present = np.where(scored, rows - centres[:, None], 0.0), scored.astype(np.float64)
    n = present @ present.T
    enough = (n >= FEWEST) & telling[:, None] & telling[None]
    sums, squares = (
        values @ present.T,
        values**2 @ present.T,
    )  # of each row, over the questions that it shares with each other row
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - sums**2 / n
        r = (values @ values.T - sums * sums.T / n) / np.sqrt(spread * spread.T)
    return np.where(enough, np.clip(r, -1.0, 1.0), np.nan)


def _telling(values: Values) -> bool:
    _, times = np.unique(values, return_counts=True)
    return len(values) - int(times.max(initial=0)) >= TELLING


def _expected(entry: Entry, other: Entry) -> bool:
    """Return whether one submitter sent both for one model, and they were signed as run differently."""
    if entry.declared or other.declared:
        return False
    same = (entry.manifest.card, entry.model) == (other.manifest.card, other.model)
    return same and (entry.run.method, entry.circumstances) != (other.run.method, other.circumstances)


def _came(other: Entry, entry: Entry) -> str:
    if other.arrival == entry.arrival:
        return ""
    return "earlier" if other.precedence() < entry.precedence() else "later"
