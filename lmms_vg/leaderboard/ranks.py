"""Intervals of a column, and ranks that claim no more than the questions show.

All rows of a column are resampled together, whole images at a time, so that any two are compared on the same draws
(`statistics.resample`). A row's rank is 1 + the number of rows that are surely better: their paired difference to it has a
95% interval wholly above 0. Of these, rows that are alike (`leaderboard.alike`) count once, so that neither copies nor many
settings of one model push others down. Rows that no interval separates share a rank, which does not prove that they are
equal. Intervals are not corrected for the number of pairs.

The ranks are no total order. Two rows that are not separated have different ranks if a third row is surely better than only
one of them, and a row with a higher mean may have the lower rank if it varies more.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.alike import ALIKE, Counter
from lmms_vg.leaderboard.columns import Measure, Way
from lmms_vg.metrics.statistics import Resampled, percentile_interval, resample
from lmms_vg.submission.validated import Entry, Scores, Values

LEVEL = 0.95
RESAMPLES = 2000

DEFINITION = (
    "Rank: 1 + the number of rows that are surely better, which means: the 95% interval of the paired difference, on the same "
    f"questions, excludes 0. Of these, rows whose scores correlate by {ALIKE} or more over the questions count once, so that "
    "copies push nobody down. Rows that no interval separates share a rank, which does not prove that they are equal. Two rows "
    "that are not separated can still have different ranks, if a third is better than only one of them. Not corrected for "
    "the number of pairs."
)

_TIE = 1e-12  # sums of the same numbers may differ in their last bits

#: The scores of each part of a way, and the weight of their mean.
Parts = list[tuple[list[Scores], float]]


class Estimate(NamedTuple):
    """A number of a column, with its interval and rank.

    Attributes:
        low: lower end of the 95% interval; None if all questions are about one image.
        high: upper end.
        n: number of questions.
        rank: None if the row is not ranked.
        apart: why the row cannot be compared with most rows of its column, so that it has no rank, or one only among rows
            like it; empty if it can.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    rank: int | None
    apart: str


def estimates(entries: Sequence[Entry], measure: Measure) -> dict[str, Estimate]:
    """Return id -> estimate, for the entries that have all tasks of one of the column's ways.

    Rows are compared if they have the same questions, the same rule, and scores for the same questions. Of several such
    groups one is ranked: first one whose questions were compared with the benchmark's, then the one with most models (many
    rows or copies of one model count once), then with most rows that are not alike, then with most tasks, then the one that
    came first. If nobody knows which came first, each of them is ranked by itself.
    """
    rows = [
        _RankedRow(entry, way, _parts(entry, way, measure.metric))
        for entry in entries
        if (way := way_of(entry, measure))
    ]
    alike: dict[Hashable, list[_RankedRow]] = {}
    for row in sorted(rows, key=lambda row: row.entry.precedence()):
        alike.setdefault(
            tuple(tuple(part_scores.comparable for part_scores in scores) for scores, _ in row.parts), []
        ).append(row)
    groups = [_Group(group, measure) for group in alike.values()]
    most = max(groups, key=lambda group: group.weight, default=None)  # the first of equals
    results: dict[str, Estimate] = {}
    for group in groups:
        assert most is not None, "there is a group"
        ranked: Sequence[int | None] = [None] * len(group.rows)
        if measure.better is not None and group.weight == most.weight:
            ranked = group.ranks()
        apart = "" if measure.better is None or group is most else _apart(group.rows[0].parts, most.rows[0].parts)
        low, high = percentile_interval(group.resampled, LEVEL)
        for number, row in enumerate(group.rows):
            value, ends = float(group.values[number]), (_number(low[number]), _number(high[number]))
            results[row.entry.id] = Estimate(value, *ends, group.n, ranked[number], apart)
    return results


class _RankedRow(NamedTuple):
    entry: Entry
    way: Way
    parts: Parts


class _Group:
    """Comparable rows of a column, in order of arrival; if that is unknown, the best first.

    Attributes:
        weight: the group with the largest one is ranked.
        values: (rows) means.
        resampled: (rows, resamples) means.
    """

    def __init__(self, rows: Sequence[_RankedRow], measure: Measure) -> None:
        scores = np.array(
            [
                np.concatenate(
                    [scores_of_task.values for task_scores, _ in row.parts for scores_of_task in task_scores]
                )
                for row in rows
            ]
        )
        scores = scores[:, np.isfinite(scores[0])]
        self._sign = -1.0 if measure.better == "lower" else 1.0
        known = [(row.entry.arrival is None, row.entry.arrival or 0) for row in rows]
        order = sorted(range(len(rows)), key=lambda row: (known[row], -self._sign * scores[row].mean()))
        self.rows = [rows[row] for row in order]
        self.n = scores.shape[1]
        self.values, self.resampled = _together([row.parts for row in self.rows])
        self._counter = Counter(scores[order])
        first = self.rows[0]
        of_models = {row.entry.model: number for number, row in reversed([*enumerate(self.rows)])}
        self.weight = (
            verified(first.parts),
            self._counter.count(sorted(of_models.values())),
            self._counter.count(range(len(rows))),
            -measure.ways.index(first.way),
            -inf if first.entry.arrival is None else -first.entry.arrival,
        )

    def ranks(self) -> Sequence[int]:
        return ranks(self._sign * self.resampled, self._counter)


def ranks(resampled: Values, counter: Counter) -> Sequence[int]:
    """Return the ranks of (runs, resamples) means, higher ones better, earlier runs first; without resamples all are 1."""
    runs, resamples = resampled.shape
    # The interval's low end lies between two neighbours among the sorted differences. The number of differences above 0 says
    # whether both neighbours are above 0, or neither; only if 0 lies between them must the end be computed. Sorting all
    # differences takes ten times as long.
    neighbour = int((1 - LEVEL) / 2 * (resamples - 1))
    results = []
    for run in range(runs) if resamples else ():
        above = np.count_nonzero(resampled > resampled[run] + _TIE, axis=1)
        better = above >= resamples - neighbour
        for other in np.flatnonzero(above == resamples - neighbour - 1):
            better[other] = percentile_interval(resampled[other] - resampled[run], LEVEL)[0] > _TIE
        results.append(1 + counter.count(np.flatnonzero(better).tolist()))
    return results or [1] * runs


def way_of(entry: Entry, measure: Measure) -> Way | None:
    """Return the first way of a scored column whose tasks the entry all has."""
    has = {task for task, scores in entry.scores.items() if scores.under(measure.metric) is not None}
    return next((way for way in measure.ways if all(has.issuperset(part.tasks) for part in way)), None)


def pooled(runs: Sequence[Sequence[Scores]], resamples: int, seed: int = 0) -> Resampled:
    """Resample comparable runs over several tasks as over one; questions without a score are left out."""
    scored = [np.isfinite(scores.values) for scores in runs[0]]
    images = np.concatenate([np.array(part.images)[mask] for part, mask in zip(runs[0], scored, strict=True)])
    values = [np.concatenate([part.values[mask] for part, mask in zip(run, scored, strict=True)]) for run in runs]
    return resample(values, images.tolist(), resamples=resamples, seed=seed)


def _parts(entry: Entry, way: Way, metric: str) -> Parts:
    under = {task: entry.scores[task].under(metric) for part in way for task in part.tasks}
    return [([scores for task in part.tasks if (scores := under[task])], part.weight) for part in way]


def _together(rows: Sequence[Parts]) -> tuple[Values, Values]:
    """Return (rows) values and (rows, resamples) means."""
    values: Values = np.zeros(len(rows))
    resampled: Values = np.zeros((len(rows), RESAMPLES))
    for number, (_, weight) in enumerate(rows[0]):
        # Parts are drawn independently, so each has a seed of its own.
        drawn = pooled([row[number][0] for row in rows], RESAMPLES, seed=number)
        values += weight * drawn.totals / drawn.n
        if not drawn.counts.size:  # a single image
            resampled = resampled[:, :0]
        if resampled.size:
            resampled += weight * drawn.sums / drawn.counts
    return values, resampled


def verified(parts: Parts) -> bool:
    """Return whether all questions were compared with the benchmark's."""
    return all(scores.verified for part, _ in parts for scores in part)


def _apart(parts: Parts, most: Parts) -> str:
    if verified(most) and not verified(parts):
        return "its questions were not compared with the benchmark's"
    pairs = [
        pair for (first, _), (second, _) in zip(parts, most, strict=False) for pair in zip(first, second, strict=False)
    ]
    if [len(part) for part, _ in parts] != [len(part) for part, _ in most]:
        return "other tasks"
    if any(first.questions != second.questions for first, second in pairs):
        return "other questions"
    if any(first.rule != second.rule for first, second in pairs):
        return "another rule"
    return "other questions without a score"


def _number(end: float) -> float | None:
    return None if np.isnan(end) else float(end)
