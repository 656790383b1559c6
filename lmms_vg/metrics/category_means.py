"""The mean over categories, in which a small category counts as much as a large one, with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics import Interval, percentile_interval
from lmms_vg.metrics.statistics.bootstrap import image_draws
from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.ends import by_part, end_interval


class Macro(NamedTuple):
    """Unweighted mean of the categories' means; both ends of the interval are NaN for a single image."""

    mean: float
    interval: Interval


def macro(
    scores: Sequence[float],
    categories: Sequence[Hashable],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Macro:
    """Return the mean over categories with a percentile bootstrap interval of whole images.

    A category of which a resample draws no question is left out of that resample's mean. A category with few images makes the
    interval too narrow, since a bootstrap draws only what was seen; where hardly a score differs from 0, or from 1, the
    interval is Wilson's (`end_interval`).

    Args:
        scores: one per question.
        categories: the category of each question.
        clusters: the image of each question.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: as in `cluster_interval`.
    """
    values = checked(scores, clusters)
    places, images = numbered(clusters)
    kinds, number = numbered(categories)
    sums, sizes = (np.zeros((images, number)) for _ in range(2))
    np.add.at(sums, (places, kinds), values)
    np.add.at(sizes, (places, kinds), 1)
    mean = float((sums.sum(0) / sizes.sum(0)).mean())
    if images == 1:
        return Macro(mean, Interval(np.nan, np.nan))
    if (ends := end_interval(by_part(values, clusters, categories))) is not None:
        return Macro(mean, ends)
    low, high = percentile_interval(_resampled(sums, sizes, resamples, seed))
    return Macro(mean, Interval(float(low), float(high)))


def _resampled(sums: Floats, sizes: Floats, resamples: int, seed: int) -> Floats:
    with np.errstate(invalid="ignore"):
        draws = image_draws(len(sums), resamples, seed)
        return np.concatenate([np.nanmean((times @ sums) / (times @ sizes), axis=1) for times in draws])
