"""Means of many columns with bands that draw whole images: per column, and for all columns of a curve at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics import FEW, percentile_interval, resample

Floats = NDArray[np.float64]

Key = TypeVar("Key", bound=Hashable)


class ImageBand(NamedTuple):
    """Means of columns, each array (columns,).

    Attributes:
        n: number of questions, those with a value in every column.
        images: number of their images.
        mean: means; NaN if there are no questions.
        low: lower ends of 95% intervals; NaN with fewer than ten images, as all ends.
        high: upper ends.
        low_all: lower ends of a band that holds the whole curve with 95%: as many standard errors below the mean as the
            largest deviation of a resampled curve has in 95% of the resamples.
        high_all: upper ends.
        draws: resampled means, (columns, resamples).
    """

    n: int
    images: int
    mean: Floats
    low: Floats
    high: Floats
    low_all: Floats
    high_all: Floats
    draws: Floats

    def minus(self, other: ImageBand) -> ImageBand:
        """Return the difference of two sets that share no image; each is resampled by itself."""
        few = min(self.images, other.images)
        draws = self.draws - other.draws if few >= FEW else np.empty((len(self.mean), 0))
        return _with_ends(self.n + other.n, self.images + other.images, self.mean - other.mean, draws)

    @classmethod
    def weighted(cls, bands: Sequence[ImageBand], weights: Sequence[float]) -> ImageBand:
        """Return the weighted mean of bands of different images, each with its draws; weights sum to 1."""
        shares = np.asarray(weights)
        mean = np.tensordot(shares, np.stack([band.mean for band in bands]), 1)
        draws = np.tensordot(shares, np.stack([band.draws for band in bands]), 1)
        return _with_ends(sum(band.n for band in bands), sum(band.images for band in bands), mean, draws)


def band(values: Floats, images: Sequence[Hashable], seed: int = 0) -> ImageBand:
    """Return the means of (questions, columns); questions that lack a value are left out.

    Args:
        values: the values.
        images: what is drawn as a whole, of each question.
        seed: of the draws.
    """
    return bands({"": values}, images, seed)[""]


def bands(tables: Mapping[Key, Floats], images: Sequence[Hashable], seed: int = 0) -> dict[Key, ImageBand]:
    """Return the band of each table, as `band` does; those with values of the same questions are drawn at once."""
    groups: dict[bytes, list[Key]] = {}
    for name, values in tables.items():
        groups.setdefault(_known(values).tobytes(), []).append(name)
    result: dict[Key, ImageBand] = {}
    for names in groups.values():
        known = _known(tables[names[0]])
        drawn = [image for image, keep in zip(images, known, strict=True) if keep]
        kept = [tables[name][known] for name in names]
        ends = np.cumsum([values.shape[1] for values in kept])[:-1]
        for name, values, draws in zip(names, kept, np.split(_draws(np.hstack(kept), drawn, seed), ends), strict=True):
            mean = values.mean(axis=0) if len(drawn) else np.full(values.shape[1], np.nan)
            result[name] = _with_ends(len(drawn), len(set(drawn)), mean, draws)
    return result


def _known(values: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=1), dtype=bool)


def _draws(values: Floats, images: Sequence[Hashable], seed: int) -> Floats:
    """Resampled means, (columns, resamples); none under ten images."""
    if len(set(images)) < FEW:
        return np.empty((values.shape[1], 0))
    resampled = resample(list(values.T), images, seed=seed)
    return resampled.sums / resampled.counts


def _with_ends(n: int, images: int, mean: Floats, draws: Floats) -> ImageBand:
    low, high = percentile_interval(draws)
    reach = np.full(len(mean), np.nan)
    if draws.shape[1]:
        error = draws.std(axis=1)
        deviations = np.abs(draws - mean[:, None]) / np.where(error > 0, error, 1)[:, None]
        reach = np.quantile(deviations.max(axis=0), 0.95) * error
    return ImageBand(n, images, mean, low, high, mean - reach, mean + reach, draws)
