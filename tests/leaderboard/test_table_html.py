"""The texts of a table's heads and cells, and their sort values."""

from __future__ import annotations

import pytest

from lmms_vg.leaderboard.table_html import heads, interval, printed_as, ranked, sort_value, zero_shot
from lmms_vg.leaderboard.table_model import CellView, ColumnView, Rank, RowView, TableView


def table(*rows: list[CellView], columns: list[ColumnView], ranked: int = 0, key: str = "table1") -> TableView:
    measured = [RowView(f"m{n}", "plain", 7.0, f"m{n}", True, cells) for n, cells in enumerate(rows)]
    return TableView(key, "T", "", columns, ranked, measured, [], "", [])


ACC = ColumnView("Avg.", "", "higher", "%")
KL = ColumnView("KL", "", "lower", "nats")
LAYER = ColumnView("layer", "", None)


def test_heads_say_unit_n_and_direction() -> None:
    first = [CellView("90.0", 90.0, n=1297, rank=Rank(1, 1, 2)), CellView("1.0", 1.0, n=10), CellView("3", 3.0)]
    second = [CellView("80.0", 80.0, n=1297, rank=Rank(2, 2, 2)), CellView("2.0", 2.0, n=20), CellView("5", 5.0)]
    acc, kl, layer = heads(table(first, second, columns=[ACC, KL, LAYER]))
    assert (acc.small, acc.first, acc.sorted, acc.several) == (["%, n 1,297"], "descending", "descending", False)
    assert (kl.small, kl.first, kl.sorted, kl.several) == (["nats", "lower is better"], "ascending", "", True)
    assert (layer.small, layer.first, layer.several) == ([], "descending", False)
    assert heads(table(second, first, columns=[ACC, KL, LAYER]))[0].sorted == "", "rows in another order"


def test_ranks_are_of_the_column_that_orders_or_the_first_that_has_some() -> None:
    none, one = CellView("1", 1.0), CellView("1", 1.0, rank=Rank(1, 1, 2))
    assert ranked(table([one, one], columns=[ACC, KL], ranked=1)) == 1
    assert ranked(table([one, none], columns=[ACC, KL], ranked=1)) == 0
    assert ranked(table([none, none], columns=[ACC, KL], ranked=1)) == 1
    assert ranked(table(columns=[ACC, KL], ranked=1)) == 1


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (CellView("63.4", 63.4, 61.22, 65.0, n=5), "61.2–65.0"),
        (CellView("+0.20", 0.2, -1.256, 1.5), "-1.26 to 1.50"),
        (CellView("7", 7.0, 5.2, 9.0), "5–9"),
        (CellView("63.4", 63.4), ""),
        (CellView(""), ""),
    ],
)
def test_intervals_have_the_digits_of_their_number(cell: CellView, said: str) -> None:
    assert interval(cell) == said


def test_n_is_said_where_asked_for() -> None:
    assert interval(CellView("63.4", 63.4, 61.0, 65.0, n=1297), with_n=True) == "61.0–65.0, n 1,297"
    assert interval(CellView("63.4", 63.4, n=5), with_n=True) == "n 5"
    assert interval(CellView(""), with_n=True) == ""


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (CellView("63.4 *", 63.4), ""),
        (CellView("-0.20", -0.2), ""),
        (CellView("+3", 3.0), ""),
        (CellView("< 0.0001", 0.00002), "2e-05"),
        (CellView("no plain run"), ""),
        (CellView(""), ""),
    ],
)
def test_a_value_is_given_where_the_text_does_not_begin_with_it(cell: CellView, value: str) -> None:
    assert sort_value(cell) == value


def test_words() -> None:
    row = RowView("m", "", None, "", None, [])
    assert [zero_shot(row._replace(zero_shot=value)) for value in (True, False, None)] == ["yes", "no", "not stated"]
    named = [printed_as(table(columns=[ACC], key=key)) for key in ("table1", "tableE3", "grounding")]
    assert named == ["Table 1", "Table E.3", ""]
