"""Texts in a table's heads and cells: numbers of questions, intervals, and the sort order of each column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.table_model import CellView, RowView, TableView


class Head(NamedTuple):
    """The head of a column.

    Attributes:
        small: lines below the title.
        first: the sort order that puts the best on top.
        sorted: the order that the rows are in now; empty if in none.
        several: whether numbers of the column have different numbers of questions.
    """

    title: str
    small: list[str]
    first: str
    sorted: str
    several: bool


def heads(table: TableView) -> list[Head]:
    """Return the heads of a table's columns of numbers."""
    result, sort_column = [], ranked(table)
    for number, column in enumerate(table.columns):
        cells = [row.cells[number] for row in table.measured]
        n = sorted({cell.n for cell in cells if cell.n is not None})
        counted = [column.unit, f"n {n[0]:,}" if len(n) == 1 else ""]
        small = [", ".join(filter(None, counted)), "lower is better" if column.better == "lower" else ""]
        first = "ascending" if column.better == "lower" else "descending"
        order = first if number == sort_column and _is_sorted(cells, column.better) else ""
        result.append(Head(column.title, list(filter(None, small)), first, order, len(n) > 1))
    return result


def ranked(table: TableView) -> int:
    """Return the index of the column whose rank is shown before each row: the sort column, or else the first with ranks."""
    having = [
        number
        for number in range(len(table.columns))
        if any(row.cells[number].rank is not None for row in table.measured)
    ]
    return table.ranked if table.ranked in having or not having else having[0]


def interval(cell: CellView, with_n: bool = False) -> str:
    """Return the small print below a number: its interval to the same digit, and n on request."""
    digits = len(re.sub(r"[^\d.]", "", cell.text).partition(".")[2])
    texts = []
    if cell.low is not None and cell.high is not None:
        between = "–" if cell.low >= 0 else " to "
        texts.append(f"{cell.low:.{digits}f}{between}{cell.high:.{digits}f}")
    if with_n and cell.n is not None:
        texts.append(f"n {cell.n:,}")
    return ", ".join(texts)


def sort_value(cell: CellView) -> str:
    """Return the value to sort a cell by if its text does not begin with its number; else empty."""
    begins = re.match(r"[+-]?\d+(\.\d+)?", cell.text)
    return "" if cell.value is None or begins else f"{cell.value:.6g}"


def zero_shot(row: RowView) -> str:
    """Return it in words; the paper does not state it for every model."""
    return {True: "yes", False: "no", None: "not stated"}[row.zero_shot]


def printed_as(table: TableView) -> str:
    """Return the paper's name of this table: "Table E.3" for the key tableE3."""
    match = re.fullmatch(r"table([A-Z]?)(\d+)", table.key)
    return f"Table {match[1]}{'.' if match[1] else ''}{match[2]}" if match else ""


def _is_sorted(cells: Sequence[CellView], better: str | None) -> bool:
    ranked = [cell for cell in cells if cell.rank is not None] or cells
    values = [cell.value for cell in ranked if cell.value is not None]
    return len(values) > 1 and values == sorted(values, reverse=better != "lower")
