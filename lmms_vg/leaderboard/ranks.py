"""Intervals of a column, and ranks that claim no more than the questions show.

All rows of a column are resampled together, whole images at a time, so that any two are compared on the same draws
(`statistics.resample`). Which rows differ is tested for all pairs at once (`metrics.step_down`): among equal rows, anybody is
ranked behind anybody else in at most one of twenty tables. A rank is an interval, from the best to the worst place that a row
can have. Rows whose intervals overlap are not proved to be equal.

Of every model and method one setting is ranked (`leaderboard.folding`); oracles and controls (`leaderboard.roles`) are not.
Rows that are alike (`leaderboard.alike`) count as one above others, so that copies push nobody down. Whatever comes later takes
a place of its own, and otherwise only takes certainty away: it never makes one row surely better than another.

The ranks are no total order. A row with a higher mean may have the worse interval if it varies more.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.leaderboard.alike import ALIKE, Counter
from lmms_vg.leaderboard.columns import Measure, Way
from lmms_vg.leaderboard.folding import folds
from lmms_vg.leaderboard.roles import role_of
from lmms_vg.leaderboard.table_model import Rank
from lmms_vg.metrics.statistics import Resampled, percentile_interval, resample
from lmms_vg.metrics.step_down import all_pairs
from lmms_vg.submission.validated import Entry, Scores, Values

LEVEL = 0.95
RESAMPLES = 2000

#: Two rows are compared if they differ on this number of images or more; the bootstrap knows too little about fewer.
FEWEST = 10

DEFINITION = (
    "Rank: the best to the worst place that a row can have among the ranked rows. Another row is above or below it for sure "
    "if the step-down max-T test over all pairs of the column, at 5% for all of them together, says so; pairs that differ on "
    f"fewer than {FEWEST} images are not tested. Rows above it whose scores correlate by {ALIKE} or more over the questions "
    "count once, so that copies push nobody down. Rows whose ranks overlap are not proved to be equal. Of every model and "
    "method one setting is ranked: the one that its submitter's card names, else the method's defaults, else the first "
    "submitted. Oracles, controls and chance are never ranked."
)

_TIE = 1e-9  # sums of the same numbers may differ in their last bits

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
        under: id of the entry that is ranked for this entry's model and method; empty if it is this one.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    rank: Rank | None
    apart: str
    under: str = ""


def estimates(entries: Sequence[Entry], measure: Measure) -> dict[str, Estimate]:
    """Return id -> estimate, for the entries that have all tasks of one of the column's ways.

    Rows are compared if they have the same questions, the same rule, and scores for the same questions. Of several such
    groups one is ranked: first one whose questions were compared with the benchmark's, then the one with most models (many
    rows or copies of one model count once), then with most ranked rows that are not alike, then with most tasks, then the one
    that came first. If nobody knows which came first, each of them is ranked by itself. Folded rows, oracles and controls do
    not count.
    """
    rows = _rows(entries, measure)
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
        ranked: dict[int, Rank] = {}
        if measure.better is not None and group.weight == most.weight:
            ranked = group.ranks()
        apart = "" if measure.better is None or group is most else _apart(group.rows[0].parts, most.rows[0].parts)
        low, high = percentile_interval(group.resampled, LEVEL)
        for number, row in enumerate(group.rows):
            value, ends = float(group.values[number]), (_number(low[number]), _number(high[number]))
            results[row.entry.id] = Estimate(value, *ends, group.n, ranked.get(number), apart, row.under)
    return results


def _rows(entries: Sequence[Entry], measure: Measure) -> list[_RankedRow]:
    ways = {entry.id: way for entry in entries if (way := way_of(entry, measure))}
    with_number = [entry for entry in entries if entry.id in ways]
    folded = folds(with_number)
    first = {folded[entry.id].line: entry.id for entry in with_number if folded[entry.id].place == 0}
    rows = []
    for entry in with_number:
        ranked = first[folded[entry.id].line]
        under = "" if ranked == entry.id else ranked
        parts = _parts(entry, ways[entry.id], measure.metric)
        rows.append(_RankedRow(entry, ways[entry.id], parts, under, not under and not role_of(entry.method)))
    return rows


class _RankedRow(NamedTuple):
    entry: Entry
    way: Way
    parts: Parts
    under: str
    takes_part: bool


class _Group:
    """Comparable rows of a column, in order of arrival; if that is unknown, the best first.

    Attributes:
        weight: the group with the largest one is ranked.
        values: (rows) means.
        resampled: (rows, resamples) means.
    """

    def __init__(self, rows: Sequence[_RankedRow], measure: Measure) -> None:
        self._sign = -1.0 if measure.better == "lower" else 1.0
        scores = np.array([_flat(row.parts) for row in rows])
        scored = np.isfinite(scores[0])
        scores = scores[:, scored]
        known = [(row.entry.arrival is None, row.entry.arrival or 0) for row in rows]
        order = sorted(range(len(rows)), key=lambda row: (known[row], -self._sign * scores[row].mean()))
        self.rows = [rows[row] for row in order]
        self.n = scores.shape[1]
        self.values, self.resampled = _together([row.parts for row in self.rows])
        self._part = [number for number, row in enumerate(self.rows) if row.takes_part]
        scores = scores[order][self._part]
        self._counter = Counter(scores)
        images = [image for image, is_in in zip(_images(rows[0].parts), scored, strict=True) if is_in]
        self._differing = _differing(scores, images)
        first = self.rows[0]
        of_models = {self.rows[row].entry.model: place for place, row in reversed([*enumerate(self._part)])}
        self.weight = (
            verified(first.parts),
            self._counter.count(of_models.values()),
            self._counter.count(range(len(self._part))),
            -measure.ways.index(first.way),
            -inf if first.entry.arrival is None else -first.entry.arrival,
        )

    def ranks(self) -> dict[int, Rank]:
        """Return the ranks of the rows that take part, by number of the row."""
        means, resampled = self._sign * self.values[self._part], self._sign * self.resampled[self._part]
        better = surely_better(means, resampled, self._differing >= FEWEST)
        return dict(zip(self._part, ranks(better, self._counter), strict=True))


def surely_better(means: Values, resampled: Values, testable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (rows, rows): whether a row, the first index, is surely better than another; higher means are better."""
    return (all_pairs(means, resampled, testable) <= 1 - LEVEL) & (means[:, None] > means[None])


def ranks(better: NDArray[np.bool_], counter: Counter) -> list[Rank]:
    """Return the ranks of rows, earlier ones first, of which `better[i, j]` says that row i is surely better than row j."""
    rows = len(better)
    results = []
    for row in range(rows):
        best = 1 + counter.count(np.flatnonzero(better[:, row]).tolist())
        worst = counter.count(np.flatnonzero(~better[row]).tolist())  # itself among them
        results.append(Rank(best, max(best, worst), rows))
    return results


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


def _flat(parts: Parts) -> Values:
    """Return the scores of all questions, NaN for those without one."""
    return np.concatenate([scores.values for part, _ in parts for scores in part])


def _images(parts: Parts) -> list[tuple[int, str]]:
    """Return the unit of every question that is drawn: an image within its part."""
    return [(number, image) for number, (part, _) in enumerate(parts) for scores in part for image in scores.images]


def _differing(scores: Values, images: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return (rows, rows): the number of images on which two rows of (rows, questions) scores differ in sum."""
    numbers = {image: number for number, image in enumerate(dict.fromkeys(images))}
    index = [numbers[image] for image in images]
    sums = np.array([np.bincount(index, weights=row) for row in scores]).reshape(len(scores), len(numbers))
    differing = [np.count_nonzero(np.abs(sums - row) > _TIE, axis=1) for row in sums]
    return np.array(differing, dtype=np.int64).reshape(len(sums), len(sums))


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
