"""Interval of a mean of scores that share their raters as well as their cases.

Votes on one case are alike, and so are the votes of one rater. Cases and raters are therefore drawn apart, each as a whole
(the pigeonhole bootstrap: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007). No resampling of two crossed
factors is exact (McCullagh, 2000); this one errs on the wide side, by at most the square root of 3 where votes are in truth
independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from lmms_vg.metrics.statistics.bootstrap import check_draws, image_draws, percentile_interval
from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.ends import Interval
from lmms_vg.metrics.statistics.wilson import wilson


def two_way_interval(
    scores: Sequence[float] | Floats,
    cases: Sequence[Hashable],
    raters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the mean score under draws of whole cases and of whole raters.

    With a single rater, only cases are drawn, and the interval does not extend to other raters; likewise with a single case.
    Where all scores are equal and 0 or 1, nothing can be drawn: Wilson's interval is given, on as many independent votes as
    there are cases or raters, whichever are fewer.

    Args:
        scores: one per vote.
        cases: the case of each.
        raters: the rater of each.
        level: confidence, between 0 and 1.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: no scores, a score that is not finite, lengths that differ, or `level` or `resamples` out of range.
    """
    check_draws(level, resamples)
    values = checked(scores, cases)
    checked(scores, raters)
    (rows, height), (columns, width) = numbered(cases), numbered(raters)
    if height == width == 1:
        return Interval(np.nan, np.nan)
    if values.min() == values.max() and values[0] in (0, 1):
        fewer = min(size for size in (height, width) if size > 1)
        return Interval(*wilson(float(values[0]), fewer, level=level))
    sums, counts = np.zeros((height, width)), np.zeros((height, width))
    np.add.at(sums, (rows, columns), values)
    np.add.at(counts, (rows, columns), 1)
    drawn = np.concatenate(
        [
            _means(sums, counts, of_cases, of_raters)
            for of_cases, of_raters in zip(
                image_draws(height, resamples, seed, size=height + width),
                image_draws(width, resamples, seed + 1, size=height + width),
                strict=True,
            )
        ]
    )
    low, high = percentile_interval(drawn[np.isfinite(drawn)], level)
    return Interval(float(low), float(high))


def _means(sums: Floats, counts: Floats, cases: Floats, raters: Floats) -> Floats:
    """Mean of every draw, (draws,); NaN where no drawn rater has seen a drawn case."""
    total, number = (((cases @ table) * raters).sum(axis=1) for table in (sums, counts))
    means: Floats = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    return means
