"""Runs crossed with images: how the mean of repeated runs moves with other runs, with other images, and with both together.

Each run has a score for each question. As in an analysis of variance with two random factors and no repetition, a score moves
with the image, with the run, and with both (a drawn answer). The variance of the mean over runs and questions is images + runs
- both, as the first two, each estimated from its own mean squares, hold "both" once each (Searle, Casella and McCulloch,
"Variance Components", 1992, Chapter 4). Its degrees of freedom are Satterthwaite's (1946). Images may have several questions,
and weigh by their number.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.distributions import t_quantile


class CrossedRuns(NamedTuple):
    """Repeated runs of one setting.

    Attributes:
        means: mean of each run, (runs,).
        by_image: what each image adds to the mean over all runs, (images,).
        both: what an image adds to a run's mean beyond that and beyond the run's own mean, (runs, images).
        factors: images / (images - 1) of the part that an image is in, (images,); infinite for a single image.
        parts: number of parts.
    """

    means: Floats
    by_image: Floats
    both: Floats
    factors: Floats
    parts: int

    @property
    def of_runs(self) -> float:
        """Variance of the mean for other runs on these questions; 0 for a single run, which is taken as it is."""
        runs = len(self.means)
        return float(self.means.var(ddof=1)) / runs if runs > 1 else 0.0

    @property
    def shared(self) -> float:
        """Variance that other runs and other images have in common; 0 for a single run."""
        runs = len(self.means)
        return float((self.factors * self.both**2).sum()) / (runs * (runs - 1)) if runs > 1 else 0.0


class CrossedError(NamedTuple):
    """Standard errors of a mean, and the degrees of freedom of the last; all but `of_runs` are NaN about a single image."""

    of_runs: float
    of_images: float
    error: float
    degrees: float

    def reach(self, level: float = 0.95) -> float:
        """Return how far the interval goes to either side of the mean."""
        return t_quantile((1 + level) / 2, self.degrees) * self.error if self.error else 0.0


def crossed(
    scores: Sequence[Sequence[float]] | Floats,
    clusters: Sequence[Hashable],
    parts: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> CrossedRuns:
    """Divide the scores of repeated runs into what comes from runs, from images, and from both.

    Args:
        scores: (runs, questions), the same questions in each run.
        clusters: the image of each question.
        parts: the part of each question, if the mean is a weighted one of the parts' means.
        weights: part -> weight; only ratios matter.

    Raises:
        ValueError: as in `clusters.checked`.
    """
    values = np.stack([checked(run, clusters) for run in scores])
    of, number = numbered(parts or [""] * len(clusters))
    index, _ = numbered([*zip(of.tolist(), clusters, strict=True)])
    sizes = np.bincount(of)
    question_weights = (_shares(parts, weights) / sizes)[of]  # what a question weighs in the mean
    of_part = np.stack([np.bincount(of, weights=run) / sizes for run in values])  # (runs, parts)
    centre = of_part.mean(0)

    def of_image(questions: Floats) -> Floats:
        return np.bincount(index, weights=question_weights * questions).astype(np.float64)

    sums = np.stack([of_image(run - centre[of]) for run in values])
    moved = np.stack([of_image((run - centre)[of]) for run in of_part])
    part = of[np.unique(index, return_index=True)[1]]  # of each image
    images = np.bincount(part)
    with np.errstate(divide="ignore"):
        factors = (images / (images - 1))[part]
    by_image = sums.mean(0)
    return CrossedRuns(values @ question_weights, by_image, sums - by_image - moved, factors, number)


def _shares(parts: Sequence[str] | None, weights: Mapping[str, float] | None) -> Floats:
    """Return the weights of the parts in the order of their numbers, which is that of their names; their sum is 1."""
    shares = np.array([1.0 if weights is None else weights[name] for name in sorted(set(parts or [""]))])
    result: Floats = shares / shares.sum()
    return result


def error_of(by_image: Floats, settings: Sequence[CrossedRuns]) -> CrossedError:
    """Return the standard errors of a mean, or of a difference between the means of two settings.

    Args:
        by_image: what each image adds to the mean or the difference.
        settings: whose runs are independent; their images are the same.
    """
    first = settings[0]
    images = len(by_image)
    of_runs = sum(setting.of_runs for setting in settings)
    if not np.isfinite(first.factors).all():
        return CrossedError(sqrt(of_runs), nan, nan, nan)
    of_images = float((first.factors * by_image**2).sum())
    shared = sum(setting.shared for setting in settings)
    # Each part holds what both share once, so neither can be below it but by chance.
    variance = max(of_images + of_runs - shared, of_images, of_runs)
    freedom = images - first.parts
    uncertain = of_images**2 / freedom
    for setting in settings:
        if len(setting.means) > 1:
            runs = len(setting.means) - 1
            uncertain += setting.of_runs**2 / runs + setting.shared**2 / (runs * freedom)
    return CrossedError(sqrt(of_runs), sqrt(of_images), sqrt(variance), variance**2 / uncertain if uncertain else inf)
