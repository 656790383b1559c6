"""Cells of a sortable table: what is printed, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.study.page.input import PageTable

Cell = str | float | int | None


class PrintedCell(NamedTuple):
    """A cell.

    Attributes:
        text: what is printed.
        key: the number that it is sorted by; empty if it is text, or not known.
        number: whether it is a number, known or not.
    """

    text: str
    key: str
    number: bool


def cells(row: Sequence[Cell]) -> list[PrintedCell]:
    """Return the cells of a row."""
    return [_printed(value) for value in row]


def numeric(table: PageTable, column: int) -> bool:
    """Return whether a column has numbers, known or not, in all of its rows."""
    return bool(table.rows) and not any(isinstance(row[column], str) for row in table.rows)


def _printed(value: Cell) -> PrintedCell:
    if isinstance(value, str):
        return PrintedCell(value, "", False)
    if value is None or not math.isfinite(value):
        return PrintedCell("–", "", True)
    return PrintedCell(f"{value:,}" if isinstance(value, int) else f"{value:.3f}", repr(value), True)
