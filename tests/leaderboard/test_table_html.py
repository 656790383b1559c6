"""What a table's heads and cells say, and what they are sorted by."""

from __future__ import annotations

import pytest

from lmms_vg.leaderboard.table_html import heads, interval, printed_as, ranked, sort_value, zero_shot
from lmms_vg.leaderboard.table_model import Cell, Column, Row, Table


def table(*rows: list[Cell], columns: list[Column], ranked: int = 0, key: str = "table1") -> Table:
    measured = [Row(f"m{n}", "plain", 7.0, f"m{n}", True, cells) for n, cells in enumerate(rows)]
    return Table(key, "T", "", columns, ranked, measured, [], "", [])


ACC = Column("Avg.", "", "higher", "%")
KL = Column("KL", "", "lower", "nats")
LAYER = Column("layer", "", None)


def test_heads_say_unit_n_and_direction() -> None:
    first = [Cell("90.0", 90.0, n=1297, rank=1), Cell("1.0", 1.0, n=10), Cell("3", 3.0)]
    second = [Cell("80.0", 80.0, n=1297, rank=2), Cell("2.0", 2.0, n=20), Cell("5", 5.0)]
    acc, kl, layer = heads(table(first, second, columns=[ACC, KL, LAYER]))
    assert (acc.small, acc.first, acc.sorted, acc.several) == (["%, n 1,297"], "descending", "descending", False)
    assert (kl.small, kl.first, kl.sorted, kl.several) == (["nats", "lower is better"], "ascending", "", True)
    assert (layer.small, layer.first, layer.several) == ([], "descending", False)
    assert heads(table(second, first, columns=[ACC, KL, LAYER]))[0].sorted == "", "rows in another order"


def test_ranks_are_of_the_column_that_orders_or_the_first_that_has_some() -> None:
    none, one = Cell("1", 1.0), Cell("1", 1.0, rank=1)
    assert ranked(table([one, one], columns=[ACC, KL], ranked=1)) == 1
    assert ranked(table([one, none], columns=[ACC, KL], ranked=1)) == 0
    assert ranked(table([none, none], columns=[ACC, KL], ranked=1)) == 1
    assert ranked(table(columns=[ACC, KL], ranked=1)) == 1


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (Cell("63.4", 63.4, 61.22, 65.0, n=5), "61.2–65.0"),
        (Cell("+0.20", 0.2, -1.256, 1.5), "-1.26 to 1.50"),
        (Cell("7", 7.0, 5.2, 9.0), "5–9"),
        (Cell("63.4", 63.4), ""),
        (Cell(""), ""),
    ],
)
def test_intervals_have_the_digits_of_their_number(cell: Cell, said: str) -> None:
    assert interval(cell) == said


def test_n_is_said_where_asked_for() -> None:
    assert interval(Cell("63.4", 63.4, 61.0, 65.0, n=1297), with_n=True) == "61.0–65.0, n 1,297"
    assert interval(Cell("63.4", 63.4, n=5), with_n=True) == "n 5"
    assert interval(Cell(""), with_n=True) == ""


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (Cell("63.4 *", 63.4), ""),
        (Cell("-0.20", -0.2), ""),
        (Cell("+3", 3.0), ""),
        (Cell("< 0.0001", 0.00002), "2e-05"),
        (Cell("no plain run"), ""),
        (Cell(""), ""),
    ],
)
def test_a_value_is_given_where_the_text_does_not_begin_with_it(cell: Cell, value: str) -> None:
    assert sort_value(cell) == value


def test_words() -> None:
    row = Row("m", "", None, "", None, [])
    assert [zero_shot(row._replace(zero_shot=value)) for value in (True, False, None)] == ["yes", "no", "not stated"]
    named = [printed_as(table(columns=[ACC], key=key)) for key in ("table1", "tableE3", "grounding")]
    assert named == ["Table 1", "Table E.3", ""]
