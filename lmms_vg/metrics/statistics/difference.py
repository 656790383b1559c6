"""The difference between two runs: its size, its interval, its p-value, and how precisely it is known."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.bootstrap import percentile_interval
from lmms_vg.metrics.statistics.clusters import Floats
from lmms_vg.metrics.statistics.distributions import normal_quantile
from lmms_vg.metrics.statistics.sign_flips import sign_flips
from lmms_vg.metrics.statistics.wilson import FEW, WeightedPart, weighted_n, wilson


class Difference(NamedTuple):
    """Mean of b minus mean of a.

    Attributes:
        mean: the difference.
        low: lower end of its interval. Both ends are NaN where fewer than ten images have a difference, which is too few for an
            interval, and for a single image. If no question has a difference, they are the ends of Wilson's interval, which
            only scores from 0 to 1 have.
        high: upper end.
        p: two-sided p-value for no difference, from sign flips of whole images.
        images: number of images with a difference.
        least: the least p-value that these images could have given.
        error: standard error, clustered by image; NaN for a single image. With fewer than ten images that have a difference it
            is at least such that 1.645 of them reach what Wilson's bound allows the share of differing questions to be; it is
            NaN for scores that are not from 0 to 1, since nothing tells how large an unseen difference of theirs is.
    """

    mean: float
    low: float
    high: float
    p: float
    images: int
    least: float
    error: float

    @property
    def has_interval(self) -> bool:
        """Whether there are enough images for an interval."""
        return not isnan(self.low)


class Stratum(NamedTuple):
    """Questions that are drawn by themselves.

    Attributes:
        differences: b - a per question.
        places: number of each question's image; images of other parts have other numbers.
        draws: resampled means of the differences; none for a single image.
        weight: of the part's mean; the weights of all parts sum to 1.
    """

    differences: Floats
    places: NDArray[np.intp]
    draws: Floats
    weight: float = 1.0


def difference_of(
    parts: Sequence[Stratum], *, bounded: bool, level: float = 0.95, family: int = 1, seed: int = 0
) -> Difference:
    """Judge the weighted mean of the parts' mean differences.

    Args:
        parts: the differences; images are drawn within parts.
        bounded: whether all scores are from 0 to 1, so that a share of questions bounds their difference.
        level: confidence, between 0 and 1.
        family: as in `sign_flips`.
        seed: as in `sign_flips`.
    """
    mean = fsum(part.weight * fsum(part.differences) / len(part.differences) for part in parts)
    if len(parts) == 1:  # whole numbers stay whole, so that the test is exact
        sums: Floats = np.bincount(parts[0].places, weights=parts[0].differences).astype(np.float64)
    else:
        sums = np.concatenate(
            [
                np.bincount(part.places, weights=part.differences)[np.unique(part.places)]
                * (part.weight / len(part.differences))
                for part in parts
            ]
        )
    test = sign_flips(sums, family=family, seed=seed)
    error = sqrt(fsum((part.weight * _error(part)) ** 2 for part in parts))
    low = high = nan
    if not isnan(error):
        values = np.concatenate([part.differences for part in parts])
        equal, few = bool((values == values[0]).all()), test.images < FEW
        if few:
            error = max(error, _reach(parts) / float(normal_quantile(0.95))) if bounded else nan
        if equal and values[0] == 0 and bounded:
            high = _reach(parts, level)
            low = -high
        elif equal and not few and bounded:
            low, high = (2 * end - 1 for end in wilson((float(values[0]) + 1) / 2, _worth(parts, 0), level=level))
        elif not few:
            low, high = percentile_interval(np.sum([part.weight * part.draws for part in parts], axis=0), level)
    return Difference(mean, float(low), float(high), test.p, test.images, test.least, error)


def _error(part: Stratum) -> float:
    """Standard error of the mean difference of whole images (linearised ratio); NaN for a single image."""
    sums, sizes = np.bincount(part.places, weights=part.differences), np.bincount(part.places)
    images = int((sizes > 0).sum())
    if images < 2:
        return nan
    n = len(part.differences)
    residuals = sums - sizes * (part.differences.sum() / n)
    return float(sqrt(images / (images - 1) * (residuals**2).sum()) / n)


def _reach(parts: Sequence[Stratum], level: float = 0.95) -> float:
    """Return the largest share of differing questions that the data allow; it bounds the difference of scores from 0 to 1."""
    share = fsum(part.weight * float((part.differences != 0).mean()) for part in parts)
    return wilson(min(share, 1.0), _worth(parts, 1), level=level)[1]


def _worth(parts: Sequence[Stratum], event: int) -> float:
    """Return the effective number of independent questions, for events where differing questions (1) or none (0) have one."""
    return weighted_n(
        [WeightedPart(event * (part.differences != 0), part.places.tolist(), part.weight) for part in parts]
    )
