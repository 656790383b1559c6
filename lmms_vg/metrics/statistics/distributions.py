"""The normal and t distributions, counts of a fair coin, and ranks.

Tests compare them with those of `scipy.stats`. That package takes most of a second to import, and every command that prints an
interval would wait for it. So the normal distribution is Python's own, and Student's t imports `scipy.special` when it is used.
"""

from __future__ import annotations

from math import comb, erfc, inf, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NORMAL = NormalDist()


def normal_quantile(share: Any) -> Any:
    """Return the value that a standard normal variable is below with this probability; an array for an array."""
    if np.ndim(share):
        return np.array([normal_quantile(one) for one in np.ravel(share)]).reshape(np.shape(share))
    return _NORMAL.inv_cdf(share) if 0 < share < 1 else {0: -inf, 1: inf}.get(share, np.nan)


def normal_tail(value: float) -> float:
    """Return the probability that a standard normal variable is above a value."""
    return erfc(value / sqrt(2)) / 2


def t_quantile(share: float, degrees: float) -> float:
    """Return the value that Student's t with these degrees of freedom is below with this probability."""
    from scipy import special

    return float(special.stdtrit(degrees, share))


def t_tail(value: Any, degrees: float) -> Any:
    """Return the probability that Student's t is above a value; an array for an array."""
    from scipy import special

    return special.stdtr(degrees, -value)


def normal_of_t(value: Any, degrees: float) -> Any:
    """Return what a standard normal variable is above as often as Student's t is above a value; an array for an array."""
    from scipy import special

    return -special.ndtri(t_tail(value, degrees))


def heads_of(tosses: int) -> NDArray[np.float64]:
    """Return the probability of 0, 1, ... heads in tosses of a fair coin, (tosses + 1,).

    From the middle, which is exact, outwards by the ratio of neighbours; the relative error is below 1e-15 per toss.
    """
    middle = tosses // 2
    above = np.arange(middle, tosses)
    falling = np.cumprod(np.concatenate([[comb(tosses, middle) / 2**tosses], (tosses - above) / (above + 1)]))
    return np.concatenate([falling[::-1][:middle], falling])


def sign_test(heads: int, tosses: int) -> float:
    """Return the two-sided p-value of the exact binomial test of a fair coin, 0 to 1."""
    return float(min(1.0, 2 * heads_of(tosses)[: min(heads, tosses - heads) + 1].sum()))


def average_ranks(values: Any) -> NDArray[np.float64]:
    """Return the rank of each of (..., n) values from 1, among those of its row; equal ones share the mean of their ranks."""
    rows = np.asarray(values)
    flat = rows.reshape(-1, rows.shape[-1])
    result = np.empty(flat.shape)
    for row, ranked in zip(flat, result, strict=True):
        ordered = np.sort(row)
        ranked[:] = (np.searchsorted(ordered, row, "left") + np.searchsorted(ordered, row, "right") + 1) / 2
    return result.reshape(rows.shape)
