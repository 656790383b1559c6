"""Verdicts on one cell: counted where the questions are the paper's, and never "the same" where another row would pass."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from lmms_vg.paper.columns import by_title
from lmms_vg.paper.published import published, table
from lmms_vg.paper.rounding import right_answers
from lmms_vg.reproduce.verdict import NOTHING, CellVerdict, Score, answers_apart, faults, questions_of, verdict
from lmms_vg.reproduce.verdict_words import words

NONE: dict[str, Decimal] = {}


def of(right: int, n: int, low: float = 0.0, high: float = 100.0) -> Score:
    return Score(100 * right / n, low, high, n)


def test_answers_are_counted_as_published_check_counts_them() -> None:
    """Every printed closed cell: the distance to the nearest of the counts that `right_answers` allows."""
    checked = 0
    for one in published().tables:
        for average in one.averages:
            for column in average.of:
                n = questions_of(one, column)
                if n is None:
                    continue
                for row in one.rows:
                    cell = one.cell(row, column)
                    if cell is None or not right_answers(cell, n):
                        continue
                    possible = right_answers(cell, n)
                    for right in (0, n // 2, possible[0] - 3, possible[0], possible[-1], possible[-1] + 1, n):
                        distance = min(abs(right - count) for count in possible)
                        assert answers_apart(cell, of(right, n)) == distance, (one.id, row, column)
                        checked += 1
    assert checked > 1000


def test_numbers_of_questions_are_those_of_the_weightings() -> None:
    assert questions_of(table("1"), "VQA-RAD") == by_title()["VQA-RAD"].weights["pooled"] == 1297
    assert questions_of(table("1"), "Avg.") == 1297 + 2781 + 3362 + 2000
    assert questions_of(table("2"), "P") == 430, "of the hidden test split"
    assert questions_of(table("E.3"), "SLAKE BLEU-1") is None, "the paper does not say what it asked"


def test_thirty_questions() -> None:
    """29 of 30 and all 30 are one answer apart; 15 of 30 and 20 are five."""
    assert verdict(Decimal("96.67"), of(30, 30), 30, NONE)[:3] == ("apart", 1, 30)
    assert verdict(Decimal("66.67"), of(15, 30), 30, NONE)[:3] == ("apart", 5, 30)
    assert verdict(Decimal("66.67"), of(20, 30), 30, NONE)[:3] == ("same", 0, 30)


def test_what_another_row_prints_too_is_not_the_same() -> None:
    others = {"A": Decimal("66.67"), "B": Decimal("63.33"), "C": Decimal("66.7")}
    assert verdict(Decimal("66.67"), of(20, 30), 30, others) == CellVerdict(
        "unclear", 0, 30, pytest.approx(-0.0033, abs=1e-3), ("A", "C")
    )
    apart = verdict(Decimal("66.67"), of(19, 30), 30, others)
    assert (apart.code, apart.apart, apart.also) == ("apart", 1, ("B",)), "and says whom it equals"


def test_no_run_that_equals_another_row_is_called_the_same() -> None:
    """Any row of the tables of closed questions taken for any other: 280 of 368 were "within" for Table 2 alone."""
    judged = 0
    for one in (table(id) for id in ("1", "2", "3", "F.4", "G.5")):
        for column in one.columns:
            n = questions_of(one, column)
            if n is None:
                continue
            for taken in one.rows:
                cell = one.cell(taken, column)
                for right in right_answers(cell, n)[:1] if cell is not None else ():
                    for row in one.rows:
                        if row == taken:
                            continue
                        others = {
                            other: number
                            for other in one.rows
                            if other != row and (number := one.cell(other, column)) is not None
                        }
                        result = verdict(one.cell(row, column), of(right, n), n, others)
                        assert result.code in ("apart", "unclear", "nothing")
                        assert result.code == "nothing" or taken in result.also
                        judged += 1
    assert judged > 1000


def test_of_other_questions_the_rows_that_pass_too_are_named() -> None:
    printed = {"A": Decimal("40.0"), "B": Decimal("49.9"), "C": Decimal("61.0")}
    score = Score(50.0, 40.2, 60.0, 30)
    assert verdict(Decimal("45.0"), score, 430, printed) == CellVerdict("unclear", None, None, 5.0, ("B",))
    assert verdict(Decimal("45.0"), score, 430, {"C": printed["C"]}).code == "within"
    assert verdict(Decimal("45.0"), score, None, {"C": printed["C"]}).code == "within", (
        "the paper's number is not known"
    )
    differs = verdict(Decimal("30.0"), score, 430, printed)
    assert (differs.code, differs.difference, differs.also) == ("differs", 20.0, ())


@pytest.mark.parametrize(
    ("printed", "low", "high", "expected"),
    [
        ("68.4", 65.0, 70.0, "within"),
        ("68.4", 68.45, 70.0, "within"),  # 68.45 may have been printed as 68.4
        ("68.4", 68.46, 70.0, "differs"),
        ("68.40", 68.41, 70.0, "differs"),  # of two digits half a unit is .005
        ("68.4", 60.0, 68.35, "within"),
        ("68.4", 60.0, 68.34, "differs"),
        ("68.4", math.nan, math.nan, "nothing"),  # one image
    ],
)
def test_rounding(printed: str, low: float, high: float, expected: str) -> None:
    assert verdict(Decimal(printed), Score(69.2, low, high, 100), None, NONE).code == expected


def test_nothing_to_compare() -> None:
    assert verdict(None, of(1, 2), 2, NONE) == verdict(Decimal("68.4"), None, 2, NONE) == NOTHING


def test_words() -> None:
    many = tuple("ABCDEF")
    printed = Decimal("66.67")
    assert words(CellVerdict("same", 0, 30, 0.0), printed) == "the same"
    assert words(CellVerdict("apart", 5, 2781, -0.181), printed) == "at least 5 of 2,781 answers apart (-0.18)"
    assert words(CellVerdict("apart", 5, 30, 1.0, ("B",)), printed).endswith("apart (+1.00); the same as B")
    assert words(CellVerdict("unclear", also=many), printed) == "cannot tell: would also pass as A, B, C, D and 2 more"
    assert words(CellVerdict("differs", difference=1.25), Decimal("68")) == "differs (+1.2)"
    assert [words(CellVerdict(code), printed) for code in ("within", "inconsistent", "nothing")] == [
        "within",
        "inconsistent",
        "-",
    ]


def test_faults_are_those_of_the_published_tables() -> None:
    reasons = faults(table("F.4"))
    assert set(reasons) == {
        ("PAI", "SLAKE"),
        *((row, "Avg.") for row in ("HuatuoGPT-V-7B (Baseline)", "PAI", "AdaptVis", "ViCrop")),
    }
    assert reasons["PAI", "SLAKE"] == "no whole number of 2,781 questions gives 24.48"
    assert reasons["ViCrop", "Avg."] == "printed 65.5, its cells give 65.68 (pooled)"
    assert ("HuatuoGPT-V-34B", "BMS") in faults(table("G.5"))
