"""Ranks that claim no more than the questions show.

Which rows differ is tested for all pairs of a column at once (`metrics.step_down`), on joint draws: among equal rows, anybody
is ranked behind anybody else in at most one of twenty tables. A rank is an interval, from the best to the worst place that a
row can have. Rows whose intervals overlap are not proved to be equal.

Rows that are alike (`leaderboard.alike`) count as one in the best place, so that copies push nobody down; in the worst place
each of them counts, since any may be above. Whatever comes later takes a place of its own, and otherwise only takes certainty
away: it never makes one earlier row surely better than another.

The ranks are no total order. A row with a higher mean may have the worse interval if it varies more.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmms_vg.leaderboard.alike import ALIKE, Counter
from lmms_vg.leaderboard.table_model import Rank
from lmms_vg.metrics.statistics import FEW
from lmms_vg.metrics.statistics.clusters import numbered
from lmms_vg.metrics.step_down import all_pairs
from lmms_vg.submission.validated import Values

#: Probability of a table of equal rows in which anybody is ranked behind anybody else.
ALPHA = 0.05

DEFINITION = (
    "Rank: the best to the worst place that a row can have among the ranked rows. Another row is above or below it for sure "
    "if the step-down max-T test over all pairs of the column, at 5% for all of them together, says so; pairs that differ on "
    f"fewer than {FEW} images, or patients where questions name them, are not tested. "
    f"Rows above it whose scores correlate by {ALIKE} or more over the questions "
    "count once, so that copies push nobody down. Rows whose ranks overlap are not proved to be equal. Of every model and "
    "method one setting is ranked: the one that its submitter's card names, else the method's defaults, else the first "
    "submitted. Oracles, controls and chance are never ranked."
)

_TIE = 1e-9  # sums of the same numbers may differ in their last bits


def surely_better(means: Values, resampled: Values, unlike: NDArray[np.int64], images: int) -> NDArray[np.bool_]:
    """Return (rows, rows): whether a row, the first index, is surely better than another; higher means are better.

    Args:
        means: (rows).
        resampled: (rows, resamples) means.
        unlike: (rows, rows) numbers of images on which two rows differ; too few separate nobody.
        images: number of images.
    """
    return (all_pairs(means, resampled, unlike >= FEW, images) <= ALPHA) & (means[:, None] > means[None])


def ranks(better: NDArray[np.bool_], counter: Counter) -> list[Rank]:
    """Return the ranks of rows, earlier ones first, of which `better[i, j]` says that row i is surely better than row j."""
    rows = len(better)
    places = zip(better.T, better, strict=True)
    return [
        Rank(1 + counter.count(np.flatnonzero(above).tolist()), rows - int(np.count_nonzero(below)), rows)
        for above, below in places
    ]


def differing(scores: Values, images: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return (rows, rows): the number of images on which two rows of (rows, questions) scores differ in sum."""
    index, number = numbered(images)
    sums = np.array([np.bincount(index, weights=row) for row in scores]).reshape(len(scores), number)
    numbers_of = [np.count_nonzero(np.abs(sums - row) > _TIE, axis=1) for row in sums]
    return np.array(numbers_of, dtype=np.int64).reshape(len(sums), len(sums))
