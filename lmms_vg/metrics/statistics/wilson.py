"""Wilson's interval of a share, on as many independent questions as the clusters leave.

A bootstrap draws only what was seen: thirty right answers give the interval from 1 to 1. Wilson's (1927) interval does not, so
it is used where fewer than ten images have an answer that differs from the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.distributions import normal_quantile

#: With fewer images than this that have an answer unlike the others, a bootstrap has too little to draw from.
FEW = 10


def wilson(share: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a share of n independent answers; n need not be whole.

    Raises:
        ValueError: the share is outside 0 to 1, or n is not above 0.

    >>> [round(end, 3) for end in wilson(1.0, 30)]
    [0.886, 1.0]
    """
    if not 0 <= share <= 1 or not n > 0:
        raise ValueError(f"share {share!r} of n {n!r}: allowed is a share from 0 to 1, and n above 0")
    z = float(normal_quantile((1 + level) / 2))
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    # At the ends rounding may leave 1e-17 of what is exactly 0.
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def effective_n(events: Sequence[float] | Floats, clusters: Sequence[Hashable]) -> float:
    """Return how many independent questions would tell as much about the share of events as these questions in clusters.

    It is n divided by the design effect, the clustered variance of the share over the variance of independent questions, but
    at least 1 and at most n. Few events say little about how alike the answers about an image are, so the variances are taken
    as if one more image of average size had had an event at each question. Without any event the result is then the number of
    images; if each question has its own image, it is n.

    Args:
        events: 0 to 1 per question, such as 1 for a wrong answer.
        clusters: the image of each.

    Raises:
        ValueError: as in `clusters.checked`.
    """
    values = checked(events, clusters)
    index, number = numbered(clusters)
    if number == len(values):
        return float(number)
    sums = np.bincount(index, weights=values)
    sizes = np.bincount(index).astype(np.float64)
    mean_size = len(values) / number
    sums, sizes = np.append(sums, mean_size), np.append(sizes, mean_size)
    share = sums.sum() / sizes.sum()
    independent = share * (1 - share) * sizes.sum()
    if independent <= 0:  # an event at every question
        return float(number)
    effect = ((sums - share * sizes) ** 2).sum() / independent
    return float(max(1.0, len(values) / max(effect, 1.0)))


class WeightedPart(NamedTuple):
    """Questions whose mean has a weight of its own in a mean of means.

    Attributes:
        events: 0 to 1 per question, such as 1 for a wrong answer.
        clusters: the image of each.
        weight: of the part's mean; only ratios matter.
    """

    events: Sequence[float] | Floats
    clusters: Sequence[Hashable]
    weight: float


def weighted_n(parts: Sequence[WeightedPart]) -> float:
    """Return how many independent questions would tell as much about a weighted mean of shares as these parts do.

    It is p (1 - p) over the variance of the weighted mean, the sum of w^2 p (1 - p) / `effective_n` over the parts. A part
    without an event may have a rare one all the same, so each share is taken as if one more image had had an event throughout
    and one more had had none. For a single part the result is `effective_n`; where parts share images, it is at most that of
    all questions together.

    Args:
        parts: the parts.

    Raises:
        ValueError: there are no parts, or as in `clusters.checked` for one of them.
    """
    if not parts:
        raise ValueError("no parts: allowed is at least one")
    total = sum(part.weight for part in parts)
    mean = variance = 0.0
    for part in parts:
        values, images = checked(part.events, part.clusters), len(set(part.clusters))
        share = (float(values.mean()) * images + 1) / (images + 2)
        weight = part.weight / total
        mean += weight * share
        variance += weight**2 * share * (1 - share) / effective_n(values, part.clusters)
    together = np.concatenate([np.asarray(part.events, dtype=np.float64) for part in parts])
    pooled = effective_n(together, [cluster for part in parts for cluster in part.clusters])
    return min(mean * (1 - mean) / variance, pooled)
