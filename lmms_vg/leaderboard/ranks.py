"""How sure is a column: its intervals, and ranks that say no more than the questions do.

All rows of a column are resampled together, whole images at a time, so that any two are compared on the same draws
(`statistics.resample`). The rank of a row is 1 + the number of rows that are better for sure: whose paired difference to it
has a 95% interval wholly above 0. Of these, rows that are alike (`leaderboard.alike`) count once, so that neither copies nor
many settings of one model push others down. Rows that nobody separates share a rank, which is no proof that they are equal.
Intervals are not corrected for the number of pairs.

It is no total order: two rows that are not separated from each other have different ranks where a third is better than one of
them for sure, and a higher mean may have the lower rank where it varies more.
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
    "Rank: 1 + the number of rows that are better for sure, which is: the 95% interval of the paired difference, on the same "
    f"questions, excludes 0. Of these, rows whose scores correlate by {ALIKE} or more over the questions count once, so that "
    "copies push nobody down. Rows that no other row separates share a rank, which is no proof that they are equal. Two rows "
    "that are not told apart can still have different ranks, where a third is better than only one of them. Not corrected for "
    "the number of pairs."
)

_TIE = 1e-12  # sums of the same numbers may differ in their last bits

#: A way's scores, and the weight of their mean.
Parts = list[tuple[list[Scores], float]]


class Estimate(NamedTuple):
    """`low`, `high`: 95% interval, None if all questions are about one image.

    `apart` says what makes the row incomparable with most rows of its column, so that it has no rank, or one among its like
    only; empty if nothing does.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    rank: int | None
    apart: str


def estimates(entries: Sequence[Entry], measure: Measure) -> dict[str, Estimate]:
    """Id -> what a column says of an entry, for those that have all tasks of one of its ways.

    Rows are compared that have the same questions, the same rule, and a score for the same of them. Of several such groups
    one is ranked: one whose questions were compared with the benchmark's before one whose were not, then the one of most
    models (whoever sends in many rows of one, or copies, is still one), then of most rows that are not alike, then of
    most tasks, then the one that came first. Where nobody knows which came first, each of them is ranked by itself.
    """
    rows = [
        _RankedRow(entry, way, _parts(entry, way, measure.metric))
        for entry in entries
        if (way := way_of(entry, measure))
    ]
    alike: dict[Hashable, list[_RankedRow]] = {}
    for row in sorted(rows, key=lambda row: row.entry.precedence()):
        alike.setdefault(tuple(tuple(one.comparable for one in scores) for scores, _ in row.parts), []).append(row)
    groups = [_Group(group, measure) for group in alike.values()]
    most = max(groups, key=lambda group: group.weight, default=None)  # the first of equals
    found: dict[str, Estimate] = {}
    for group in groups:
        assert most is not None, "there is a group"
        ranked: Sequence[int | None] = [None] * len(group.rows)
        if measure.better is not None and group.weight == most.weight:
            ranked = group.ranks()
        apart = "" if measure.better is None or group is most else _apart(group.rows[0].parts, most.rows[0].parts)
        low, high = percentile_interval(group.resampled, LEVEL)
        for number, row in enumerate(group.rows):
            value, ends = float(group.values[number]), (_number(low[number]), _number(high[number]))
            found[row.entry.id] = Estimate(value, *ends, group.n, ranked[number], apart)
    return found


class _RankedRow(NamedTuple):
    entry: Entry
    way: Way
    parts: Parts


class _Group:
    """Comparable rows of a column, in the order in which they count: the first to come, and without an order the best.

    `weight`: the group of the largest is ranked. `values`: (rows), `resampled`: (rows, resamples) means.
    """

    def __init__(self, rows: Sequence[_RankedRow], measure: Measure) -> None:
        scores = np.array([np.concatenate([one.values for part, _ in row.parts for one in part]) for row in rows])
        scores = scores[:, np.isfinite(scores[0])]
        self._sign = -1.0 if measure.better == "lower" else 1.0
        known = [(row.entry.arrival is None, row.entry.arrival or 0) for row in rows]
        order = sorted(range(len(rows)), key=lambda row: (known[row], -self._sign * scores[row].mean()))
        self.rows = [rows[row] for row in order]
        self.n = scores.shape[1]
        self.values, self.resampled = _together([row.parts for row in self.rows])
        self._counter = Counter(scores[order])
        first = self.rows[0]
        of_models = {row.entry.manifest.run.weights: number for number, row in reversed([*enumerate(self.rows)])}
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
    """Of (runs, resamples) means, higher ones better, in the order of their precedence; all are 1 without resamples."""
    runs, resamples = resampled.shape
    # The interval's low end lies between two neighbours among the sorted differences. How many differences are above 0 says
    # whether both are, or neither; it has to be computed only where they are on either side. Sorting all takes ten times as
    # long.
    neighbour = int((1 - LEVEL) / 2 * (resamples - 1))
    made = []
    for run in range(runs) if resamples else ():
        above = np.count_nonzero(resampled > resampled[run] + _TIE, axis=1)
        better = above >= resamples - neighbour
        for other in np.flatnonzero(above == resamples - neighbour - 1):
            better[other] = percentile_interval(resampled[other] - resampled[run], LEVEL)[0] > _TIE
        made.append(1 + counter.count(np.flatnonzero(better).tolist()))
    return made or [1] * runs


def way_of(entry: Entry, measure: Measure) -> Way | None:
    """The first way of a column of scores that the entry has all tasks of."""
    has = {task for task, scores in entry.scores.items() if scores.under(measure.metric) is not None}
    return next((way for way in measure.ways if all(has.issuperset(part.tasks) for part in way)), None)


def pooled(runs: Sequence[Sequence[Scores]], resamples: int, seed: int = 0) -> Resampled:
    """Comparable runs' scores on several tasks as on one; questions without a score are left out."""
    scored = [np.isfinite(scores.values) for scores in runs[0]]
    images = np.concatenate([np.array(one.images)[there] for one, there in zip(runs[0], scored, strict=True)])
    values = [np.concatenate([one.values[there] for one, there in zip(run, scored, strict=True)]) for run in runs]
    return resample(values, images.tolist(), resamples=resamples, seed=seed)


def _parts(entry: Entry, way: Way, metric: str) -> Parts:
    under = {task: entry.scores[task].under(metric) for part in way for task in part.tasks}
    return [([scores for task in part.tasks if (scores := under[task])], part.weight) for part in way]


def _together(rows: Sequence[Parts]) -> tuple[Values, Values]:
    """(rows) values and (rows, resamples) means."""
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
    """Whether all questions were compared with the benchmark's."""
    return all(scores.verified for several, _ in parts for scores in several)


def _apart(mine: Parts, most: Parts) -> str:
    if verified(most) and not verified(mine):
        return "its questions were not compared with the benchmark's"
    pairs = [
        pair for (first, _), (second, _) in zip(mine, most, strict=False) for pair in zip(first, second, strict=False)
    ]
    if [len(several) for several, _ in mine] != [len(several) for several, _ in most]:
        return "other tasks"
    if any(first.questions != second.questions for first, second in pairs):
        return "other questions"
    if any(first.rule != second.rule for first, second in pairs):
        return "another rule"
    return "other questions without a score"


def _number(end: float) -> float | None:
    return None if np.isnan(end) else float(end)
