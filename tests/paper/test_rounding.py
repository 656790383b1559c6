"""Right answers behind a percentage, against all percentages there are, and averages worked out by hand."""

from __future__ import annotations

import doctest
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from lmms_vg.paper import rounding
from lmms_vg.paper.rounding import recompute, right_answers


@pytest.mark.parametrize("unit", ["0.1", "0.01"])
@pytest.mark.parametrize("n", [1, 16, 162, 2000])
def test_right_answers_are_all_that_print_as_the_cell(n: int, unit: str) -> None:
    """Against decimal's own rounding, up and down, of every share k/n."""
    printed: dict[Decimal, set[int]] = {}
    for right in range(n + 1):
        for way in (ROUND_HALF_UP, ROUND_HALF_DOWN):
            printed.setdefault((Decimal(100 * right) / n).quantize(Decimal(unit), way), set()).add(right)
    for step in range(0, int(100 / Decimal(unit)) + 1, 7):
        cell = step * Decimal(unit)
        assert set(right_answers(cell, n)) == printed.get(cell, set()), cell
    for cell, rights in printed.items():
        assert set(right_answers(cell, n)) == rights


def test_digits_decide_what_a_cell_says() -> None:
    """Zeros behind the point are digits: of 2,000, 67.0 leaves three counts and 67.00 one."""
    assert right_answers(Decimal("67.0"), 2000) == range(1339, 1342)
    assert right_answers(Decimal("67.00"), 2000) == range(1340, 1341)
    assert not right_answers(Decimal("67.01"), 2000)


def test_counts_make_an_average_exact() -> None:
    """1/3 and 3/4 of 3 and 4 questions: 4/7, with only the rounding of the printed average around it.

    The cells as printed average to 57.128..., a little less than 57.142..., and are accepted too.
    """
    made = recompute([Decimal("33.3"), Decimal("75.0")], [3, 4], Decimal("57.14"))
    assert made.value == Fraction(3999, 70)
    assert made.low == Fraction(3999, 70) - Fraction(1, 200)
    assert made.high == Fraction(400, 7) + Fraction(1, 200)


def test_a_cell_no_count_gives_counts_with_half_a_unit() -> None:
    """50.1 is no share of 2 questions; 100.0 of 2 is exact: (50.1 +- 0.05 + 100)/2, and half a unit of the average."""
    made = recompute([Decimal("50.1"), Decimal("100.0")], [2, 2], Decimal("75.1"))
    assert made == (Fraction("75.05"), Fraction("75.025") - Fraction("0.05"), Fraction("75.075") + Fraction("0.05"))


def test_a_plain_mean_counts_every_cell_with_its_own_half_unit() -> None:
    """Cells with one and two decimals: half units of 0.05 and 0.005 average to 0.0275; the average's own is 0.5."""
    made = recompute([Decimal("0.0"), Decimal("20.00")], [], Decimal("10"))
    assert made == (Fraction(10), Fraction("9.4725"), Fraction("10.5275"))


def test_counts_must_match_the_cells() -> None:
    """One too few is an error, not a shorter average."""
    with pytest.raises(ValueError, match="shorter"):
        recompute([Decimal("10.0"), Decimal("20.0")], [5], Decimal("15.0"))


def test_examples() -> None:
    assert doctest.testmod(rounding) == (0, 1)
