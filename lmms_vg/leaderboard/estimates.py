"""The numbers of a column: every row's mean with its interval, and its rank among the rows that it can be compared with.

All rows of a column are resampled together, whole images at a time, so that any two are compared on the same draws
(`statistics.resample`). Of every model and method one setting is ranked (`leaderboard.folding`); oracles and controls
(`leaderboard.roles`) are not.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.alike import Counter
from lmms_vg.leaderboard.columns import Measure, Way
from lmms_vg.leaderboard.folding import folds
from lmms_vg.leaderboard.ranks import differing, ranks, surely_better
from lmms_vg.leaderboard.roles import role_of
from lmms_vg.leaderboard.table_model import Rank
from lmms_vg.metrics.statistics import Resampled, percentile_interval, resample
from lmms_vg.metrics.statistics.clusters import numbered
from lmms_vg.metrics.statistics.ends import by_part, end_interval, is_at_an_end
from lmms_vg.runs.text_tables import known
from lmms_vg.submission.validated import Entry, Scores, Values

LEVEL = 0.95
RESAMPLES = 2000

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


def estimates(entries: Sequence[Entry], measure: Measure, silent: Collection[str] = ()) -> dict[str, Estimate]:
    """Return id -> estimate, for the entries that have all tasks of one of the column's ways.

    Rows are compared if they have the same questions, the same rule, and scores for the same questions. Of several such
    groups one is ranked: first one whose questions were compared with the benchmark's, then the one with most models (many
    rows or copies of one model count once), then with most ranked rows that are not alike, then with most tasks, then the one
    that came first. If nobody knows which came first, each of them is ranked by itself. Folded rows, oracles, controls and
    silent rows do not count.

    Args:
        entries: the rows.
        measure: the column.
        silent: ids of entries whose numbers are undefined: they have no rank and change no other rank.
    """
    rows = _rows(entries, measure, silent)
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
        for number, (row, ends) in enumerate(zip(group.rows, group.intervals(), strict=True)):
            value = float(group.values[number])
            results[row.entry.id] = Estimate(value, *ends, group.n, ranked.get(number), apart, row.under)
    return results


def _rows(entries: Sequence[Entry], measure: Measure, silent: Collection[str]) -> list[_RankedRow]:
    ways = {entry.id: way for entry in entries if (way := way_of(entry, measure))}
    with_number = [entry for entry in entries if entry.id in ways]
    folded = folds(with_number)
    first = {folded[entry.id].line: entry.id for entry in with_number if folded[entry.id].place == 0}
    rows = []
    for entry in with_number:
        ranked = first[folded[entry.id].line]
        under = "" if ranked == entry.id else ranked
        parts = _parts(entry, ways[entry.id], measure.metric)
        takes_part = not under and not role_of(entry) and entry.id not in silent
        rows.append(_RankedRow(entry, ways[entry.id], parts, under, takes_part))
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
        self._scores = scores[order]
        self._counter = Counter(self._scores[self._part])
        self._images = [image for image, is_in in zip(_images(rows[0].parts), scored, strict=True) if is_in]
        first = self.rows[self._part[0] if self._part else 0]
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
        unlike = differing(self._scores[self._part], self._images)
        better = surely_better(means, resampled, unlike, len({*self._images}))
        return dict(zip(self._part, ranks(better, self._counter), strict=True))

    def intervals(self) -> list[tuple[float | None, float | None]]:
        """Return the ends of every row's interval, which is Wilson's where hardly a score differs (`end_interval`)."""
        low, high = percentile_interval(self.resampled, LEVEL)
        ends = [(known(start), known(end)) for start, end in zip(low.tolist(), high.tolist(), strict=True)]
        places, _ = numbered(self._images)
        weights = {number: weight for number, (_, weight) in enumerate(self.rows[0].parts)}
        is_a_mean = min(weights.values()) > 0  # else it is a difference of parts
        for row, scores in enumerate(self._scores if self.resampled.size and is_a_mean else ()):
            if is_at_an_end(scores, places):
                interval = end_interval(by_part(scores, self._images, [part for part, _ in self._images], weights))
                ends[row] = ends[row] if interval is None else (*interval,)
        return ends


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
