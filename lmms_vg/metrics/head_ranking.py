"""Rank heads by alignment and estimate how stable the ranking is, from running sums over questions.

Source: Liu et al., "How Do Medical MLLMs Fail?", ICLR 2026, Sec. 4.1, Fig. D.1: heads of lowest mean KL. The stability is
ours: overlap of the top K heads when images are resampled, and between two halves of the images.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

By = Literal["kl", "ar", "js", "placement"]
METRICS: tuple[By, ...] = ("kl", "ar", "js", "placement")

#: Metrics that are better when higher; the others are divergences.
HIGHER: frozenset[By] = frozenset({"ar", "placement"})

#: Values are summed in whole millionths: integer sums are exact, so the order of the questions cannot change a ranking.
_UNIT = 1_000_000


class Overlap(NamedTuple):
    """Shares of the best K heads that recur, 0 to 1.

    Attributes:
        mean: mean over bootstrap resamples of the images.
        p5: 5th percentile over the resamples.
        halves: overlap between two halves of the images; None if one half is empty, as with very few images.
    """

    mean: float
    p5: float
    halves: float | None


class SharedByChance(NamedTuple):
    """The number of best heads that two unrelated orders share.

    Attributes:
        mean: expected number.
        most: smallest number that no more than one in twenty unrelated orders exceeds.
    """

    mean: float
    most: int


def shared_by_chance(keep: int, heads: int) -> SharedByChance:
    """Return how many of the best `keep` of `heads` heads two unrelated orders share: a hypergeometric number.

    >>> shared_by_chance(20, 784)
    SharedByChance(mean=0.5102040816326531, most=2)
    """
    ways, total, most = math.comb(heads, keep), 0, -1
    while 20 * total < 19 * ways:
        most += 1
        total += math.comb(keep, most) * math.comb(heads - keep, keep - most)
    return SharedByChance(keep * keep / heads, most)


class HeadSums:
    """Sums of alignment values per head, over all questions, per bootstrap resample and per half.

    Questions about one image are not independent, so images are resampled: in each resample an image has a weight drawn
    from Poisson(1), in place of the number of times it would be drawn with replacement. Each image is in one of two halves.
    Weights and half depend only on `seed` and the image's name. Memory does not grow with the number of questions.

    Args:
        shape: number of layers and of heads.
        by: metric of the ranking; `ar` and `placement` are better when higher, `kl` and `js` when lower.
        seed: of the weights and halves.
        resamples: number of bootstrap resamples; each holds a matrix of `shape`.
    """

    def __init__(self, shape: tuple[int, int], by: By = "kl", seed: int = 0, resamples: int = 1000) -> None:
        self.by, self.seed, self.resamples = by, seed, resamples
        self.n = 0
        #: Metric -> number of questions that have it: a box with few places has no placement.
        self.counts = dict.fromkeys(METRICS, 0)
        self._heads = {name: np.zeros(shape, np.int64) for name in METRICS}
        self._layers = np.zeros(shape[0], np.int64)
        self._drawn = np.zeros((resamples, *shape), np.int64)
        self._halves = np.zeros((2, *shape), np.int64)
        self._weights, self._sizes = np.zeros(resamples, np.int64), np.zeros(2, np.int64)

    def add(self, image: str, heads: Mapping[str, Any], layer_kl: Any, times: int = 1) -> None:
        """Add one question.

        Args:
            image: name of its image.
            heads: kl, ar, js and placement, each (layers, heads); a metric that is NaN is left out.
            layer_kl: KL of head-averaged maps, (layers,).
            times: number of questions with these values.
        """
        values = {name: times * _whole(heads[name]) for name in METRICS if np.isfinite(heads[name]).all()}
        for name, value in values.items():
            self._heads[name] += value
            self.counts[name] += times
        self._layers += times * _whole(layer_kl)
        self.n += times
        if self.by in values:
            weights, half = self._draw(image)
            self._drawn += weights[:, None, None] * values[self.by]
            self._halves[half] += values[self.by]
            self._weights += times * weights
            self._sizes[half] += times

    def means(self) -> dict[By, NDArray[np.float64]]:
        """Mean kl, ar, js and placement, each (layers, heads); NaN where no question has the metric."""
        return {
            name: sums / (self.counts[name] * _UNIT) if self.counts[name] else np.full(sums.shape, np.nan)
            for name, sums in self._heads.items()
        }

    def layer_kl(self) -> NDArray[np.float64]:
        """Mean KL per layer, (layers,)."""
        return self._layers / (self.n * _UNIT)

    def ranking(self, keep: int) -> list[tuple[int, int]]:
        """Return the best `keep` heads as (layer, head), best first; ties in order of layer and head."""
        order = self._best(self._heads[self.by], keep)
        return [(int(layer), int(head)) for layer, head in np.stack(np.unravel_index(order, self._halves[0].shape), 1)]

    def shared(self, keep: int) -> dict[By, int]:
        """Count the best `keep` heads that are also among the best `keep` by each metric that any question has.

        `shared_by_chance` is what unrelated orders share.
        """
        own = self._best(self._heads[self.by], keep, self.by)
        return {
            name: len(np.intersect1d(own, self._best(sums, keep, name)))
            for name, sums in self._heads.items()
            if self.counts[name]
        }

    def overlap(self, keep: int) -> Overlap:
        """Shares of the best `keep` heads that recur in the resamples and halves."""
        whole = self._best(self._heads[self.by], keep)
        first, second = (self._best(sums, keep) for sums in self._halves)
        shares = [
            _shared(whole, self._best(sums, keep)) for sums, w in zip(self._drawn, self._weights, strict=True) if w
        ]
        halves = _shared(first, second) if self._sizes.all() else None
        return Overlap(float(np.mean(shares)), float(np.percentile(shares, 5)), halves)

    def _best(self, sums: NDArray[np.int64], keep: int, by: By | None = None) -> NDArray[np.int64]:
        return np.argsort(-sums if (by or self.by) in HIGHER else sums, axis=None, kind="stable")[:keep]

    def _draw(self, image: str) -> tuple[NDArray[np.int64], int]:
        digest = hashlib.sha256(f"{self.seed} {image}".encode()).digest()
        generator = np.random.default_rng(int.from_bytes(digest, "big"))
        return generator.poisson(1.0, self.resamples), int(generator.integers(2))


def _shared(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    return len(np.intersect1d(first, second)) / len(first)


def _whole(values: Any) -> NDArray[np.int64]:
    return np.rint(np.asarray(values, np.float64) * _UNIT).astype(np.int64)
