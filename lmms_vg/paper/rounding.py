"""Bounds from rounding: the averages that could have been printed beside given cells."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple


class Recomputed(NamedTuple):
    """The average of the cells as printed, and the lowest and highest average that may be printed for them."""

    value: Fraction
    low: Fraction
    high: Fraction


def right_answers(cell: Decimal, n: int) -> range:
    """Return the numbers of right answers out of `n` (above 0) that are printed as `cell` percent.

    Halves may have been rounded either way. The range may be empty; the GRIM test (Brown and Heathers 2017) calls such a cell
    inconsistent.

    >>> right_answers(Decimal("71.24"), 1297)
    range(924, 925)
    """
    half = half_unit(cell)
    low, high = (Fraction(cell) - half) * n / 100, (Fraction(cell) + half) * n / 100
    return range(max(0, ceil(low)), min(n, floor(high)) + 1)


def recompute(cells: Sequence[Decimal], counts: Sequence[int], printed: Decimal) -> Recomputed:
    """Average percentages by numbers of questions, or take their plain mean if `counts` is empty.

    A printed average reproduces if values that are printed as its cells give it, after rounding to its own last digit:

    - With `counts`, a value is the share of a whole number of right answers; a cell with enough digits leaves only one.
    - A cell that no whole number gives, and every cell of a plain mean, is off by at most half a unit of its last digit.
    - The cells as printed may have been averaged too: authors do average rounded numbers.

    Args:
        cells: percentages as printed.
        counts: number of questions per cell, or none.
        printed: the average as printed.

    Raises:
        ValueError: the numbers of counts and cells differ.
    """
    weights = counts or [1] * len(cells)
    lows, highs = [], []
    for cell, n in zip(cells, weights, strict=True):
        right = right_answers(cell, n) if counts else range(0)
        lows.append(Fraction(100 * right[0], n) if right else Fraction(cell) - half_unit(cell))
        highs.append(Fraction(100 * right[-1], n) if right else Fraction(cell) + half_unit(cell))
    value, low, high = (_average(values, weights) for values in ([Fraction(cell) for cell in cells], lows, highs))
    half = half_unit(printed)
    return Recomputed(value, min(low, value) - half, max(high, value) + half)


def half_unit(number: Decimal) -> Fraction:
    """Return half a unit of the last printed digit: 1/20 for 71.2, 1/200 for 71.20."""
    return Fraction(1, 2 * 10 ** decimals(number))


def decimals(number: Decimal) -> int:
    """Return the number of digits after the point, zeros included."""
    return len(str(number).partition(".")[2])


def _average(values: Sequence[Fraction], weights: Sequence[int]) -> Fraction:
    return sum((value * n for value, n in zip(values, weights, strict=True)), Fraction(0)) / sum(weights)
