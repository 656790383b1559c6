"""Tests of all pairs of many rows at once, by the step-down max-T procedure.

Romano and Wolf, "Stepwise multiple testing as formalized data snooping", Econometrica 73(4), 2005; as one pass over the
ordered hypotheses it is Algorithm 2.8 of Westfall and Young, "Resampling-based multiple testing", 1993. The draws of all rows
are joint, so that rows which move together cost little: the maximum over a row and its near copies is that of the row.

With 20 equal rows, somebody differs "significantly" from another in nine of ten tables if each pair is tested by itself
(`benchmarks.standings`). Here that happens in at most one of twenty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.distributions import normal_of_t

_BLOCK = 2**18  # deviates at a time: 2 MB, which a processor's cache holds


def all_pairs(
    means: NDArray[np.float64], resampled: NDArray[np.float64], testable: NDArray[np.bool_], images: int
) -> NDArray[np.float64]:
    """Return the p of "these two rows are equal" for every pair, corrected over all testable pairs.

    With d the difference of two rows, d* that of a draw and s the spread of d* over the draws, a pair's statistic is |d| / s,
    which has about Student's distribution, because s is estimated, while |d* - d| / s has a normal one; it is turned into the
    normal value of the same probability. A pair's p is the share of draws in which the largest |d* - d| / s, over this pair
    and all with smaller statistics, reaches its statistic, and is at least the p of every pair with a larger one. To add a row
    lowers no p of a pair that was there.

    Args:
        means: (rows).
        resampled: (rows, draws) means under joint draws.
        testable: (rows, rows), symmetric: the pairs that are tested; all others have p 1 and cost the tested ones nothing.
        images: number of images that were drawn from; Student's distribution has one degree of freedom less.

    Returns:
        (rows, rows), symmetric; 1 on the diagonal. Without draws all are 1.
    """
    p = np.ones(testable.shape)
    draws = resampled.shape[1]
    first, second = np.nonzero(np.triu(testable, 1))
    if draws < 2 or not len(first):
        return p
    covariance = np.atleast_2d(np.cov(resampled))
    variance = covariance[first, first] + covariance[second, second] - 2 * covariance[first, second]
    spread = np.sqrt(np.maximum(variance, 0.0))
    varies = spread > 1e-9
    first, second, spread = first[varies], second[varies], spread[varies]
    student = np.abs(means[first] - means[second]) / spread
    statistic = normal_of_t(student, max(1, images - 1))
    order = np.argsort(statistic, kind="stable")
    first, second, spread, statistic = first[order], second[order], spread[order], statistic[order]
    deviates = resampled - means[:, None]
    highest = np.zeros(draws)
    reached = np.empty(len(order), dtype=np.int64)
    block = max(1, _BLOCK // draws)
    for start in range(0, len(order), block):
        part = slice(start, start + block)
        largest = deviates[first[part]]
        largest -= deviates[second[part]]
        largest /= spread[part, None]
        np.abs(largest, out=largest)
        np.maximum(largest[0], highest, out=largest[0])
        np.maximum.accumulate(largest, axis=0, out=largest)
        highest = largest[-1].copy()
        # Sums of the same numbers may differ in their last bits.
        reached[part] = np.count_nonzero(largest >= statistic[part, None] - 1e-9, axis=1)
    adjusted = np.maximum.accumulate(((1 + reached) / (1 + draws))[::-1])[::-1]
    p[first, second] = p[second, first] = adjusted
    return p
