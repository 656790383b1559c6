"""The verdict on our number beside a printed one, as a code; words are made where it is shown.

Paper and we ask the same questions greedily, so what separates the two numbers is not which images were drawn: it is how many
answers differ. Where the numbers of questions agree, that is counted. Where they do not (MMMU's test questions are hidden), a
number within our interval proves little, so the other rows are named that would pass as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isnan
from typing import Literal, NamedTuple

from lmms_vg.paper.columns import weights
from lmms_vg.paper.published import PublishedTable, check, impossible
from lmms_vg.paper.rounding import decimals, half_unit

#: same, apart: the same questions were asked, and no answer or at least one is another. within, unclear, differs: of other
#: questions, or scores that are no counts: whether the printed number meets our interval, and whether other rows do as well.
#: inconsistent: the printed number contradicts the paper itself. nothing: there is nothing to compare.
Code = Literal["same", "apart", "within", "unclear", "differs", "inconsistent", "nothing"]


class Score(NamedTuple):
    """A mean in %, with its 95% interval (NaN for a single image), over `n` questions."""

    value: float
    low: float
    high: float
    n: int


class CellVerdict(NamedTuple):
    """A verdict on a cell of the paper.

    Attributes:
        apart: the least number of answers that differ, of `of`; None where this cannot be counted.
        difference: ours minus the printed number, in points.
        also: the table's other rows that our number would pass as.
    """

    code: Code
    apart: int | None = None
    of: int | None = None
    difference: float | None = None
    also: tuple[str, ...] = ()


NOTHING = CellVerdict("nothing")


def verdict(
    printed: Decimal | None, score: Score | None, questions: int | None, others: Mapping[str, Decimal]
) -> CellVerdict:
    """Compare a printed number with ours.

    Args:
        printed: the paper's cell.
        score: ours.
        questions: number of questions of the paper's cell; None if the score is no count of right answers, or if the paper's
            number of questions is not known.
        others: the other rows' cells of the same column.
    """
    if printed is None or score is None:
        return NOTHING
    difference = score.value - float(printed)
    if questions == score.n:
        apart = answers_apart(printed, score)
        also = tuple(row for row, cell in others.items() if answers_apart(cell, score) == 0)
        code: Code = "apart" if apart else "unclear" if also else "same"
        return CellVerdict(code, apart, score.n, difference, also)
    if isnan(score.low):
        return NOTHING
    if not meets(printed, score.low, score.high):
        return CellVerdict("differs", difference=difference)
    also = tuple(row for row, cell in others.items() if meets(cell, score.low, score.high))
    return CellVerdict("unclear" if also else "within", difference=difference, also=also)


def answers_apart(printed: Decimal, score: Score) -> int:
    """Return the least number of answers that differ between our n questions and those that the printed number is of."""
    ours = Fraction(score.value).limit_denominator(100 * score.n) * score.n / 100
    low, high = (ends * score.n / 100 for ends in span(printed))
    return max(0, ceil(low) - floor(ours), ceil(ours) - floor(high))


def meets(printed: Decimal, low: float, high: float) -> bool:
    """Return whether what may have been printed as this number meets an interval."""
    least, most = map(float, span(printed))
    return low <= most and least <= high


def span(printed: Decimal) -> tuple[Fraction, Fraction]:
    """Return the least and the largest number that may have been printed as this one."""
    return Fraction(printed) - half_unit(printed), Fraction(printed) + half_unit(printed)


def questions_of(table: PublishedTable, column: str) -> int | None:
    """Return the number of questions of a column, as `published --check` counts them; None if it is not known."""
    for average in table.averages:
        counts = weights(average.of, average.weighting) or []
        if column in average.of and counts:
            return counts[average.of.index(column)]
        if column == average.column and counts:
            return sum(counts)
    return None


def faults(table: PublishedTable) -> dict[tuple[str, str], str]:
    """(row, column) of every printed number that contradicts the paper itself -> the reason."""
    reasons = {
        (row, column): f"no whole number of {n:,} questions gives {printed}"
        for row, column, printed, n in impossible(table)
    }
    for average in check(table):
        if not average.reproduces:
            value = f"{float(average.recomputed.value):.{decimals(average.printed) + 1}f}"
            reasons[average.row, average.column] = (
                f"printed {average.printed}, its cells give {value} ({average.weighting})"
            )
    return reasons
