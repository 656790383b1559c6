"""The tables of the VGRefine paper as data, and whether its printed averages follow from their cells.

Source: Liu et al., "How Do Medical MLLMs Fail? A Study on Visual Grounding in Medical Images", ICLR 2026, read from the text
of the PDF into `published.json`. Numbers are kept as printed, with all digits; model names are without their citations. The
paper says that averages are weighted by questions, but prints no numbers of questions. The weightings (`columns.WEIGHTINGS`)
are ours, chosen because they reproduce most averages of the paper's own method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib import resources
from math import floor
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lmms_vg.paper.columns import WEIGHTINGS, weights
from lmms_vg.paper.rounding import Recomputed, decimals, recompute, right_answers

Percent = Annotated[Decimal, Field(ge=0, le=100)]


class Average(BaseModel):
    """A column that averages the columns `of` under a weighting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    of: list[str]
    weighting: str


class PublishedTable(BaseModel):
    """A table of the paper.

    Attributes:
        rows: model or setting -> its cells in the order of `columns`; None where the paper prints no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    source: str
    unit: str
    note: str = ""
    columns: list[str]
    averages: list[Average]
    rows: dict[str, list[Percent | None]]

    def cell(self, row: str, column: str) -> Decimal | None:
        """Return one printed number.

        Raises:
            ValueError: the table does not have the row or the column.
        """
        for what, name, known in (("row", row, list(self.rows)), ("column", column, self.columns)):
            if name not in known:
                raise ValueError(f"table {self.id} {what}={name!r}: allowed are {', '.join(known)}")
        return self.rows[row][self.columns.index(column)]

    @model_validator(mode="after")
    def _complete(self) -> PublishedTable:
        for name, cells in self.rows.items():
            if len(cells) != len(self.columns):
                raise ValueError(f"table {self.id} row {name!r}: {len(cells)} cells in {len(self.columns)} columns")
        missing = {name for average in self.averages for name in (average.column, *average.of)} - set(self.columns)
        if missing or len(set(self.columns)) < len(self.columns):
            raise ValueError(f"table {self.id}: columns {sorted(missing)} are missing, or one appears twice")
        return self


class Published(BaseModel):
    """The content of `published.json`: the tables, with our weightings of their averages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: list[PublishedTable]

    @model_validator(mode="after")
    def _weighted(self) -> Published:
        for table in self.tables:
            for average in table.averages:
                if weights(average.of, average.weighting) is None:
                    raise ValueError(f"table {table.id} {average.column}: {average.weighting!r} does not weight it")
        return self


class Check(NamedTuple):
    """A printed average beside the average of its cells.

    Attributes:
        others: if it does not reproduce, the other weightings under which it would.
    """

    table: str
    row: str
    column: str
    weighting: str
    printed: Decimal
    recomputed: Recomputed
    others: Mapping[str, Recomputed]

    @property
    def reproduces(self) -> bool:
        """Whether rounding explains the printed average (see `rounding.recompute`)."""
        return _within(self.printed, self.recomputed)


@cache
def published() -> Published:
    """Return all tables."""
    return Published.model_validate_json(resources.files("lmms_vg.paper").joinpath("published.json").read_bytes())


def table(id: str) -> PublishedTable:
    """Return a table by the paper's number, such as "1" or "E.3".

    Raises:
        ValueError: there is no such table.
    """
    known = {table.id: table for table in published().tables}
    if id not in known:
        raise ValueError(f"table id={id!r}: allowed are {', '.join(known)}")
    return known[id]


def check(table: PublishedTable) -> list[Check]:
    """Recompute every average of a table that is printed together with all its cells."""
    checks = []
    for average in table.averages:
        for row in table.rows:
            printed = table.cell(row, average.column)
            cells = [cell for name in average.of if (cell := table.cell(row, name)) is not None]
            if printed is None or len(cells) < len(average.of):
                continue
            recomputed = {
                name: recompute(cells, counts, printed)
                for name in WEIGHTINGS
                if (counts := weights(average.of, name)) is not None
            }
            main = recomputed[average.weighting]
            good = (
                {}
                if _within(printed, main)
                else {name: value for name, value in recomputed.items() if _within(printed, value)}
            )
            checks.append(Check(table.id, row, average.column, average.weighting, printed, main, good))
    return checks


def impossible(table: PublishedTable) -> list[tuple[str, str, Decimal, int]]:
    """Return cells (row, column, printed, n) that no whole number of right answers out of n gives."""
    return [
        (row, column, cell, n)
        for average in table.averages
        for row in table.rows
        for column, n in zip(average.of, weights(average.of, average.weighting) or (), strict=False)
        if (cell := table.cell(row, column)) is not None and not right_answers(cell, n)
    ]


def show(check: bool) -> str:
    """Return all tables as text; with `check`, every average recomputed and every impossible cell instead."""
    return _show_checks() if check else "\n\n".join(map(_show_table, published().tables))


def _within(printed: Decimal, recomputed: Recomputed) -> bool:
    return recomputed.low <= Fraction(printed) <= recomputed.high


def _show_table(table: PublishedTable) -> str:
    grid = [["", *table.columns]]
    grid += [[row, *("-" if cell is None else str(cell) for cell in cells)] for row, cells in table.rows.items()]
    if len(table.columns) > len(table.rows) + 1:  # too wide for a screen; the paper transposes its widest table as well
        grid = [list(line) for line in zip(*grid, strict=True)]
    lines = [
        f"Table {table.id}. {table.title}; {table.unit}",
        f"Source: Liu et al., ICLR 2026, {table.source}",
        *_align(grid),
    ]
    for name, of in {average.weighting: average.of for average in table.averages}.items():
        counts = ", ".join(f"{column} {n:,}" for column, n in zip(of, weights(of, name) or (), strict=False))
        lines.append(f"Weighting: {name}, {WEIGHTINGS[name]}{f' ({counts})' if counts else ''}")
    return "\n".join([*lines, f"Note: {table.note}"] if table.note else lines)


def _show_checks() -> str:
    checks = [result for table in published().tables for result in check(table)]
    averages = [["table", "row", "average", "weighting", "printed", "recomputed", "allowed", "verdict"]]
    averages += map(_line, checks)
    cells = [["table", "row", "column", "printed", "n", "nearest shares"]]
    for table in published().tables:
        for row, column, cell, n in impossible(table):
            below = floor(Fraction(cell) * n / 100)
            shares = " and ".join(_text(Fraction(100 * right, n), decimals(cell) + 2) for right in (below, below + 1))
            cells.append([table.id, row, column, str(cell), f"{n:,}", shares])
    good = sum(result.reproduces for result in checks)
    summary = f"{len(checks)} averages: {good} reproduce, {len(checks) - good} do not"
    title = f"{len(cells) - 1} cells that no whole number of right answers out of n questions gives:"
    legend = (
        "Averages from their own cells; allowed is what rounding of either can explain, off by is printed - recomputed."
    )
    return "\n".join([legend, *_align(averages), "", title, *_align(cells), "", summary])


def _line(result: Check) -> list[str]:
    digits = decimals(result.printed) + 1
    value, low, high = (_text(number, digits) for number in result.recomputed)
    verdict = "reproduces"
    if not result.reproduces:
        verdict = f"does not, off by {float(Fraction(result.printed) - result.recomputed.value):+.{digits}f}"
        others = ", ".join(f"{name} ({_text(other.value, digits)})" for name, other in result.others.items())
        verdict += f"; does under {others}" if others else ""
    return [
        result.table,
        result.row,
        result.column,
        result.weighting,
        str(result.printed),
        value,
        f"{low} to {high}",
        verdict,
    ]


def _text(number: Fraction, digits: int) -> str:
    return f"{float(number):.{digits}f}"


def _align(grid: Iterable[Sequence[str]]) -> list[str]:
    """Align columns of numbers right, all others left."""
    columns = []
    for head, *body in zip(*grid, strict=True):
        width = max(map(len, (head, *body)))
        right = all(text.replace(",", "").replace(".", "").isdigit() or text == "-" for text in body)
        columns.append([text.rjust(width) if right else text.ljust(width) for text in (head, *body)])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
