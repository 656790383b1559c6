"""The mean of repeated runs on the same questions, and both parts of its variance: other runs, and other images.

Each run has a score for each question. Runs and images are crossed, as in an analysis of variance with two random factors and
no repetition: a score moves with the image, with the run, and with both together (a drawn answer). The variance of the mean
over runs and questions is images + runs - both, as the first two, each estimated from its own mean squares, hold "both" once
each (Searle, Casella and McCulloch, "Variance Components", 1992, Chapter 4). Images may have several questions, and weigh by
their number.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy import stats

from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered


class Repeats(NamedTuple):
    """Repeated runs.

    Attributes:
        runs: number of runs.
        mean: mean score over runs and questions.
        spread: standard deviation of one run's mean from run to run, on these questions.
        of_runs: standard error of `mean` for other runs on these questions, spread / sqrt(runs).
        of_images: standard error of `mean` for other images and these runs; NaN, as the next three, about a single image.
        error: standard error of `mean` for other runs on other images.
        low: lower end of the 95% interval for other runs on other images, by the normal distribution.
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


def repeats(scores: Sequence[Sequence[float]] | Floats, clusters: Sequence[Hashable]) -> Repeats:
    """Summarise runs that differ in a seed alone.

    Args:
        scores: (runs, questions), the same questions in each run.
        clusters: the image of each question.

    Raises:
        ValueError: there are fewer than two runs, or as in `clusters.checked`.

    >>> [round(value, 3) for value in repeats([[1, 1, 0, 0], [1, 0, 0, 0]], "abcd")][:4]
    [2, 0.375, 0.177, 0.125]
    """
    if len(scores) < 2:
        raise ValueError(f"{len(scores)} runs: allowed are at least two, to see how far they move")
    values = np.stack([checked(run, clusters) for run in scores])
    index, images = numbered(clusters)
    runs, questions = values.shape
    means = values.mean(1)
    spread = float(means.std(ddof=1))
    of_runs = spread / sqrt(runs)
    if images == 1:
        return Repeats(runs, float(values.mean()), spread, of_runs, nan, nan, nan, nan)
    # Sums per image, less what the image would have if all were alike: (runs, images).
    sizes = np.bincount(index)
    sums = np.stack([np.bincount(index, weights=run) for run in values]) - sizes * values.mean()
    by_image = sums.mean(0)
    both = sums - by_image - sizes * (means - values.mean())[:, None]
    scale = images / (images - 1) / questions**2
    image_part = scale * float((by_image**2).sum())
    shared = scale * float((both**2).sum()) / (runs * (runs - 1))
    # Each part holds what both share once, so neither can be below it but by chance.
    error = sqrt(max(image_part + of_runs**2 - shared, image_part, of_runs**2))
    half = float(stats.norm.ppf(0.975)) * error
    mean = float(values.mean())
    return Repeats(runs, mean, spread, of_runs, sqrt(image_part), error, mean - half, mean + half)
