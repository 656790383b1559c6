"""What the page says in a table's heads and cells: numbers of questions, intervals, and how each column is sorted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.table_model import CellView, RowView, TableView


class Head(NamedTuple):
    """Of a column. `first`: the order that puts the best on top; `sorted`: the order that the rows are in, if in one.

    `small` are lines below the title. `several`: whether the column's numbers are of different numbers of questions.
    """

    title: str
    small: list[str]
    first: str
    sorted: str
    several: bool


def heads(table: TableView) -> list[Head]:
    """Of a table's columns of numbers."""
    made, orders = [], ranked(table)
    for number, column in enumerate(table.columns):
        cells = [row.cells[number] for row in table.measured]
        n = sorted({cell.n for cell in cells if cell.n is not None})
        counted = [column.unit, f"n {n[0]:,}" if len(n) == 1 else ""]
        small = [", ".join(filter(None, counted)), "lower is better" if column.better == "lower" else ""]
        first = "ascending" if column.better == "lower" else "descending"
        ordered = first if number == orders and _is_sorted(cells, column.better) else ""
        made.append(Head(column.title, list(filter(None, small)), first, ordered, len(n) > 1))
    return made


def ranked(table: TableView) -> int:
    """The column whose ranks stand before the rows: the one that orders them, or the first that has ranks if it has none."""
    having = [
        number
        for number in range(len(table.columns))
        if any(row.cells[number].rank is not None for row in table.measured)
    ]
    return table.ranked if table.ranked in having or not having else having[0]


def interval(cell: CellView, with_n: bool = False) -> str:
    """The small print below a number: its interval to the same digit, and n if asked for."""
    digits = len(re.sub(r"[^\d.]", "", cell.text).partition(".")[2])
    said = []
    if cell.low is not None and cell.high is not None:
        between = "–" if cell.low >= 0 else " to "
        said.append(f"{cell.low:.{digits}f}{between}{cell.high:.{digits}f}")
    if with_n and cell.n is not None:
        said.append(f"n {cell.n:,}")
    return ", ".join(said)


def sort_value(cell: CellView) -> str:
    """What a cell is sorted by where its text does not begin with its number; empty where it does."""
    begins = re.match(r"[+-]?\d+(\.\d+)?", cell.text)
    return "" if cell.value is None or begins else f"{cell.value:.6g}"


def zero_shot(row: RowView) -> str:
    """In words; the paper does not say it of every model."""
    return {True: "yes", False: "no", None: "not stated"}[row.zero_shot]


def printed_as(table: TableView) -> str:
    """The paper's table of this shape: "Table E.3" for the key tableE3."""
    found = re.fullmatch(r"table([A-Z]?)(\d+)", table.key)
    return f"Table {found[1]}{'.' if found[1] else ''}{found[2]}" if found else ""


def _is_sorted(cells: Sequence[CellView], better: str | None) -> bool:
    ranked = [cell for cell in cells if cell.rank is not None] or cells
    values = [cell.value for cell in ranked if cell.value is not None]
    return len(values) > 1 and values == sorted(values, reverse=better != "lower")
