"""The mean of repeated runs on the same questions, and both parts of its variance: other runs, and other images (`crossed`)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats
from lmms_vg.metrics.statistics.crossed import crossed, error_of
from lmms_vg.metrics.statistics.ends import by_part, end_interval


class Repeats(NamedTuple):
    """Repeated runs.

    Attributes:
        runs: number of runs.
        mean: mean score over runs and questions.
        spread: standard deviation of one run's mean from run to run, on these questions.
        of_runs: standard error of `mean` for other runs on these questions, spread / sqrt(runs).
        of_images: standard error of `mean` for other images and these runs; NaN, as the next three, about a single image.
        error: standard error of `mean` for other runs on other images.
        low: lower end of the 95% interval for other runs on other images, by Student's t with Satterthwaite's degrees of
            freedom. Where hardly a score differs from 0, or from 1, it is at least as wide as Wilson's.
        high: upper end.
    """

    runs: int
    mean: float
    spread: float
    of_runs: float
    of_images: float
    error: float
    low: float
    high: float


def repeats(
    scores: Sequence[Sequence[float]] | Floats,
    clusters: Sequence[Hashable],
    parts: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Repeats:
    """Summarise runs that differ in a seed alone.

    Args:
        scores: (runs, questions), the same questions in each run.
        clusters: the image of each question.
        parts: the part of each question, if the mean is a weighted one of the parts' means.
        weights: part -> weight; only ratios matter.

    Raises:
        ValueError: there are fewer than two runs, or as in `clusters.checked`.

    >>> [round(value, 3) for value in repeats([[1, 1, 0, 0], [1, 0, 0, 0]], "abcd")][:4]
    [2, 0.375, 0.177, 0.125]
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} runs: allowed are at least two, to see how far they move")
    divided = crossed(scores, clusters, parts, weights)
    error = error_of(divided.by_image, [divided])
    mean, reach = float(divided.means.mean()), error.reach()
    low, high = mean - reach, mean + reach
    if (ends := end_interval(by_part(np.mean(scores, axis=0), clusters, parts, weights))) is not None:
        low, high = min(low, ends.low), max(high, ends.high)
    spread = float(divided.means.std(ddof=1))
    return Repeats(len(scores), mean, spread, error.of_runs, error.of_images, error.error, low, high)
