"""How sure is a column: its intervals, and ranks that say no more than the questions do.

All rows of a column are resampled together, whole images at a time, so that any two are compared on the same draws
(``statistics.resample``). The rank of a row is 1 + the number of rows that are better for sure: whose paired difference to it
has a 95% interval wholly above 0. Rows that nobody separates share a rank, which is no proof that they are equal. Intervals
are not corrected for the number of pairs.

It is no total order: two rows that are not separated from each other have different ranks where a third is better than one of
them for sure, and a higher mean may have the lower rank where it varies more.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.measures import Measure, Way
from lmms_vg.metrics.statistics import Resampled, percentile_interval, resample
from lmms_vg.submission.entry import Entry, Scores, Values

LEVEL = 0.95
RESAMPLES = 2000

DEFINITION = (
    "Rank: 1 + the number of rows whose paired difference to this one, on the same questions, has a 95% interval wholly above "
    "0. Rows that no other row separates share a rank, which is no proof that they are equal. Two rows that are not told apart "
    "can still have different ranks, where a third is better than only one of them. Not corrected for the number of pairs."
)

_TIE = 1e-12  # sums of the same numbers may differ in their last bits

Parts = list[tuple[list[Scores], float]]
"""A way's scores, and the weight of their mean."""


class Estimate(NamedTuple):
    """``low``, ``high``: 95% interval, None if all questions are about one image.

    ``apart`` says what makes the row incomparable with most rows of its column, and so without rank; empty if nothing does.
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
    models (whoever sends in many rows of one is still one), then of most rows, then of the smallest id.
    """
    ways = {entry.id: (entry, way) for entry in entries if (way := way_of(entry, measure)) is not None}
    parts = {id: _parts(*ways[id]) for id in sorted(ways)}
    groups: dict[Hashable, list[str]] = {}
    for id, of_way in parts.items():
        groups.setdefault(tuple(tuple(map(comparable, scores)) for scores, _ in of_way), []).append(id)
    weights = {id: entry.manifest.run.weights for id, (entry, _) in ways.items()}
    most = max(  # the first of equals
        groups.values(),
        key=lambda ids: (verified(parts[ids[0]]), len({weights[id] for id in ids}), len(ids)),
        default=[],
    )
    found: dict[str, Estimate] = {}
    for ids in groups.values():
        values, resampled = _together([parts[id] for id in ids])
        ranked: Sequence[int | None] = [None] * len(ids)
        apart = ""
        if measure.better is not None and ids == most:
            ranked = ranks(resampled)
        elif measure.better is not None:
            apart = _apart(parts[ids[0]], parts[most[0]])
        n = sum(int(np.isfinite(scores.values).sum()) for several, _ in parts[ids[0]] for scores in several)
        low, high = percentile_interval(resampled, LEVEL)
        for row, id in enumerate(ids):
            found[id] = Estimate(float(values[row]), _number(low[row]), _number(high[row]), n, ranked[row], apart)
    return found


def ranks(resampled: Values) -> Sequence[int]:
    """Of (runs, resamples) means, higher ones better; all are 1 where there are no resamples."""
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
        made.append(1 + int(better.sum()))
    return made or [1] * runs


def way_of(entry: Entry, measure: Measure) -> Way | None:
    """The first way of a column of scores that the entry has all tasks of."""
    has = {task for task, scores in entry.scores.items() if scores.metric == measure.metric}
    return next((way for way in measure.ways if all(has.issuperset(part.tasks) for part in way)), None)


def comparable(scores: Scores) -> Hashable:
    """What the scores of two runs on a task must have in common."""
    return scores.questions, scores.rule, np.isnan(scores.values).tobytes()


def pooled(runs: Sequence[Sequence[Scores]], resamples: int, seed: int = 0) -> Resampled:
    """Comparable runs' scores on several tasks as on one; questions without a score are left out."""
    scored = [np.isfinite(scores.values) for scores in runs[0]]
    images = np.concatenate([np.array(one.images)[there] for one, there in zip(runs[0], scored, strict=True)])
    values = [np.concatenate([one.values[there] for one, there in zip(run, scored, strict=True)]) for run in runs]
    return resample(values, images.tolist(), resamples=resamples, seed=seed)


def _parts(entry: Entry, way: Way) -> Parts:
    return [([entry.scores[task] for task in part.tasks], part.weight) for part in way]


def _together(rows: Sequence[Parts]) -> tuple[Values, Values]:
    """(rows) values and (rows, resamples) means."""
    values, resampled = np.zeros(len(rows)), np.zeros((len(rows), RESAMPLES))
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
