"""Confidence intervals of means from a bootstrap that draws whole clusters, which are images.

An interval from single questions would be too narrow (Davison and Hinkley, "Bootstrap Methods and their Application", 1997,
Section 3.8). With fewer than about 30 images it is still too narrow, and it has no width where all answers are alike: a mean
of scores from 0 to 1 of which hardly any differ gets Wilson's interval instead. p-values are those of `sign_flips`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.ends import Interval, end_interval
from lmms_vg.metrics.statistics.wilson import WeightedPart

BATCH = 2**21  # resampled clusters in memory, each with an index, a sum and a count: 50 MB in all


def cluster_interval(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of the mean score: percentile bootstrap, or Wilson's where it has too little to draw from.

    Wilson's interval, on `effective_n` questions, is taken for scores from 0 to 1 if fewer than ten images have a score below
    1, or fewer than ten a score above 0. For scores strictly between it is wider than needed.

    Args:
        scores: one per question.
        clusters: the image of each score.
        level: confidence, between 0 and 1.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: no scores, a score that is not finite, lengths that differ, or `level` or `resamples` out of range.
    """
    check_draws(level, resamples)
    if (ends := end_interval([WeightedPart(scores, clusters, 1)], level=level)) is not None:
        return ends
    low, high = percentile_interval(bootstrap(scores, clusters, resamples, seed), level)
    return Interval(float(low), float(high))


def image_draws(images: int, resamples: int, seed: int, *, size: int = 0) -> Iterator[Floats]:
    """Yield how often each image is drawn in each resample, (resamples of a batch, images), until all are drawn.

    Args:
        images: number of images.
        resamples: number of resamples.
        seed: of the draws, which do not depend on the batches.
        size: numbers that the caller holds per resample, if they are more than the images.
    """
    rng, chance, batch = np.random.default_rng(seed), np.full(images, 1 / images), max(1, BATCH // max(size, images))
    for start in range(0, resamples, batch):
        yield rng.multinomial(images, chance, min(batch, resamples - start)).astype(np.float64)


def percentile_interval(resampled: Floats, level: float = 0.95) -> Floats:
    """Ends of the percentile interval of (..., resamples), as (2, ...); NaN if there are no resamples."""
    if not resampled.shape[-1]:
        return np.full((2, *resampled.shape[:-1]), np.nan)
    tail = (1 - level) / 2
    return np.quantile(resampled, [tail, 1 - tail], axis=-1)


def check_draws(level: float, resamples: int) -> None:
    """Check the settings of a bootstrap.

    Raises:
        ValueError: one is out of range; the message has both.
    """
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"level {level}, resamples {resamples}: allowed is a level between 0 and 1, and at least 1 resample"
        )


_VERSION = 3  # increases when the same scores give another interval or p-value


def signature(*, unit: str = "image", level: float = 0.95, resamples: int = 2000, seed: int = 0) -> str:
    """Describe what an interval or p-value depends on, to be printed with it."""
    settings = f"level:{level}|resamples:{resamples}|seed:{seed}"
    return f"bootstrap|unit:{unit}|interval:percentile+wilson|p:sign-flips|{settings}|v:{_VERSION}"


def bootstrap(scores: Sequence[float] | Floats, clusters: Sequence[Hashable], resamples: int, seed: int) -> Floats:
    """Resampled means; none for a single cluster."""
    values = checked(scores, clusters)
    index, number = numbered(clusters)
    if number == 1:
        return np.empty(0)
    sums, counts = np.bincount(index, weights=values), np.bincount(index).astype(np.float64)
    rng, batch, means = np.random.default_rng(seed), max(1, BATCH // number), []
    for start in range(0, resamples, batch):
        drawn = rng.integers(0, number, (min(batch, resamples - start), number))
        means.append(sums[drawn].sum(axis=-1) / counts[drawn].sum(axis=-1))
    return np.concatenate(means)
