"""p-values from sign flips of whole images: if two runs are equally good, each image's difference could as well be reversed.

The p-value is the share of all ways to choose the signs whose sum is at least as far from 0 as the one observed. It is right on
any number of images, down to one. What it assumes is that an image's difference is as likely to have one sign as the other
if the runs are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats
from lmms_vg.metrics.statistics.distributions import heads_of

#: Up to this number of images every choice of signs is tried.
TRIED = 12
_DRAWS = 10_000  # Monte Carlo draws of one comparison
_PER_TEST = 2_000  # draws per comparison of a family: its least p, corrected, is then below .001
_FEW = 20  # extreme draws after which more would not change what p says
_MEMORY = 2**22  # signs in memory: 32 MB
_WHOLE = 12  # sums that are whole numbers after multiplication by up to this are counted out: means of up to 12 seeds
_SUPPORT = 2**20  # possible sums that are counted out


class SignFlips(NamedTuple):
    """Result of the test.

    Attributes:
        p: two-sided p-value.
        least: the least p-value that these images could have given.
        images: number of images with a difference; only these say anything.
    """

    p: float
    least: float
    images: int


def sign_flips(
    sums: Sequence[float] | Floats, *, observed: float | None = None, family: int = 1, seed: int = 0
) -> SignFlips:
    """Test whether the sum of the images' differences is 0.

    Every choice of signs counts if there are up to 12 images with a difference, or if the sums are whole numbers (or become
    whole by multiplication with a number up to 12), whose distribution follows from binomial coefficients. Else signs are
    drawn: 10,000 times, and where that is too coarse for the family, 2,000 times its number of comparisons. Where Hoeffding's
    bound, which is above the exact p, lies below what that many draws can show, it is the p-value.

    Args:
        sums: one per image: the sum of its questions' differences.
        observed: the sum to judge, if it is not that of `sums` (which are then centred).
        family: number of comparisons that p will be corrected for.
        seed: of the draws.

    >>> sign_flips([1, 1])  # two images, both better: half of the choices of signs are as extreme
    SignFlips(p=0.5, least=0.5, images=2)
    """
    values = np.asarray(sums, dtype=np.float64)
    extent = float(np.abs(values).sum())
    values = values[np.abs(values) > 1e-12 * max(1.0, extent)]
    images = len(values)
    if not images:
        return SignFlips(1.0, 1.0, 0)
    # Sums of the same numbers may differ in their last bits.
    far = abs(values.sum() if observed is None else observed) - 1e-9 * extent
    if images <= TRIED:
        return SignFlips(float((np.abs(_all_sums(values)) >= far).mean()), 2.0 ** (1 - images), images)
    if (whole := _whole(values)) is not None:
        numbers, factor = whole
        return SignFlips(min(1.0, _counted_out(numbers, far * factor)), max(2.0 ** (1 - images), 5e-324), images)
    draws = max(_DRAWS, _PER_TEST * family)
    least = 1 / (draws + 1)
    bound = 2 * exp(-(max(far, 0.0) ** 2) / (2 * float((values**2).sum())))
    return SignFlips(bound if bound < least else _drawn(values, far, draws, seed), least, images)


def _all_sums(values: Floats) -> Floats:
    """Return the sums under every choice of signs."""
    result = np.zeros(1)
    for value in values:
        result = np.concatenate([result + value, result - value])
    return result


def _whole(values: Floats) -> tuple[Floats, int] | None:
    """Return the absolute values as whole numbers, and what they were multiplied by."""
    for factor in range(1, _WHOLE + 1):
        scaled = np.abs(values) * factor
        rounded = np.round(scaled)
        if np.abs(scaled - rounded).max() < 1e-9 and rounded.sum() <= _SUPPORT:
            return rounded, factor
    return None


def _counted_out(numbers: Floats, far: float) -> float:
    """P(|sum| >= far), where each number is added or subtracted with probability 1/2.

    With K the sum of those that are added and R that of all, the sum is 2 K - R. Images with the same number make a binomial
    number of them, and the distribution of K is the convolution of these.
    """
    distribution = np.ones(1)
    for value, count in zip(*np.unique(numbers, return_counts=True), strict=True):
        part = np.zeros(int(value) * int(count) + 1)
        part[:: int(value)] = heads_of(int(count))
        distribution = np.convolve(distribution, part)
    reached = np.abs(2 * np.arange(len(distribution)) - numbers.sum())
    return float(distribution[reached >= far].sum())


def _drawn(values: Floats, far: float, draws: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    extreme = done = 0
    while done < draws and not (done >= _DRAWS and extreme >= _FEW):
        size = min(draws - done, _DRAWS, max(1, _MEMORY // len(values)))
        signs = rng.integers(0, 2, (size, len(values)), dtype=np.int8) * 2.0 - 1
        extreme += int((np.abs(signs @ values) >= far).sum())
        done += size
    return (1 + extreme) / (1 + done)
