"""The tables of the VGRefine paper as data, and whether the averages printed in them follow from their cells.

Source: Liu et al., "How Do Medical MLLMs Fail? A Study on Visual Grounding in Medical Images", ICLR 2026, read from a
text of the PDF into `published.json`. Numbers are kept as printed, with their digits; model names are without their
citations. The paper says that averages are weighted by questions and prints no numbers of questions: the weightings
(`columns.WEIGHTINGS`) are ours, chosen because they reproduce most averages of the paper's own method.
"""

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
    """A column that averages the columns `of` under the weighting of that name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    of: list[str]
    weighting: str


class PublishedTable(BaseModel):
    """`rows`: model or setting -> its cells in the order of `columns`, None where the paper prints no number."""

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
        """One printed number. Errors: ValueError for a row or column the table does not have."""
        for what, name, known in (("row", row, list(self.rows)), ("column", column, self.columns)):
            if name not in known:
                raise ValueError(f"table {self.id} {what}={name!r}: allowed are {', '.join(known)}")
        return self.rows[row][self.columns.index(column)]

    @model_validator(mode="after")
    def _complete(self) -> "PublishedTable":
        for name, cells in self.rows.items():
            if len(cells) != len(self.columns):
                raise ValueError(f"table {self.id} row {name!r}: {len(cells)} cells in {len(self.columns)} columns")
        missing = {name for average in self.averages for name in (average.column, *average.of)} - set(self.columns)
        if missing or len(set(self.columns)) < len(self.columns):
            raise ValueError(f"table {self.id}: columns {sorted(missing)} are missing, or one is there twice")
        return self


class Published(BaseModel):
    """`published.json`: the tables, with our weightings of their averages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: list[PublishedTable]

    @model_validator(mode="after")
    def _weighted(self) -> "Published":
        for one in self.tables:
            for average in one.averages:
                if weights(average.of, average.weighting) is None:
                    raise ValueError(f"table {one.id} {average.column}: {average.weighting!r} is no weighting of it")
        return self


class Check(NamedTuple):
    """A printed average beside what its cells give.

    `others`: further weightings of the same columns under which it would reproduce, if it does not.
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
        """Whether rounding explains the printed average (the rule is `rounding.recompute`'s)."""
        return _within(self.printed, self.recomputed)


@cache
def published() -> Published:
    """All that is shipped."""
    return Published.model_validate_json(resources.files("lmms_vg.paper").joinpath("published.json").read_bytes())


def table(id: str) -> PublishedTable:
    """A table by the paper's number: "1", "E.3". Errors: ValueError for one that is not there."""
    found = {one.id: one for one in published().tables}
    if id not in found:
        raise ValueError(f"table id={id!r}: allowed are {', '.join(found)}")
    return found[id]


def check(one: PublishedTable) -> list[Check]:
    """Every average of a table recomputed, where the average and all its cells are printed."""
    checks = []
    for average in one.averages:
        for row in one.rows:
            printed = one.cell(row, average.column)
            cells = [cell for name in average.of if (cell := one.cell(row, name)) is not None]
            if printed is None or len(cells) < len(average.of):
                continue
            made = {
                name: recompute(cells, counts, printed)
                for name in WEIGHTINGS
                if (counts := weights(average.of, name)) is not None
            }
            main = made[average.weighting]
            good = {} if _within(printed, main) else {name: it for name, it in made.items() if _within(printed, it)}
            checks.append(Check(one.id, row, average.column, average.weighting, printed, main, good))
    return checks


def impossible(one: PublishedTable) -> list[tuple[str, str, Decimal, int]]:
    """Cells (row, column, printed, n) that no whole number of right answers out of the weighting's n gives."""
    return [
        (row, column, cell, n)
        for average in one.averages
        for row in one.rows
        for column, n in zip(average.of, weights(average.of, average.weighting) or (), strict=False)
        if (cell := one.cell(row, column)) is not None and not right_answers(cell, n)
    ]


def show(check: bool) -> str:
    """All tables as text; or, with `check`, every average recomputed and every cell that no count gives."""
    return _show_checks() if check else "\n\n".join(map(_show_table, published().tables))


def _within(printed: Decimal, recomputed: Recomputed) -> bool:
    return recomputed.low <= Fraction(printed) <= recomputed.high


def _show_table(one: PublishedTable) -> str:
    grid = [["", *one.columns]]
    grid += [[row, *("-" if cell is None else str(cell) for cell in cells)] for row, cells in one.rows.items()]
    if len(one.columns) > len(one.rows) + 1:  # too wide for a screen; the paper turns its widest table as well
        grid = [list(line) for line in zip(*grid, strict=True)]
    lines = [f"Table {one.id}. {one.title}; {one.unit}", f"Source: Liu et al., ICLR 2026, {one.source}", *_align(grid)]
    for name, of in {average.weighting: average.of for average in one.averages}.items():
        counts = ", ".join(f"{column} {n:,}" for column, n in zip(of, weights(of, name) or (), strict=False))
        lines.append(f"Weighting: {name}, {WEIGHTINGS[name]}{f' ({counts})' if counts else ''}")
    return "\n".join([*lines, f"Note: {one.note}"] if one.note else lines)


def _show_checks() -> str:
    checks = [done for one in published().tables for done in check(one)]
    averages = [["table", "row", "average", "weighting", "printed", "recomputed", "allowed", "verdict"]]
    averages += map(_line, checks)
    cells = [["table", "row", "column", "printed", "n", "nearest shares"]]
    for one in published().tables:
        for row, column, cell, n in impossible(one):
            below = floor(Fraction(cell) * n / 100)
            shares = " and ".join(_text(Fraction(100 * right, n), decimals(cell) + 2) for right in (below, below + 1))
            cells.append([one.id, row, column, str(cell), f"{n:,}", shares])
    good = sum(done.reproduces for done in checks)
    summary = f"{len(checks)} averages: {good} reproduce, {len(checks) - good} do not"
    title = f"{len(cells) - 1} cells that no whole number of right answers out of n questions gives:"
    legend = (
        "Averages from their own cells; allowed is what rounding of either can explain, off by is printed - recomputed."
    )
    return "\n".join([legend, *_align(averages), "", title, *_align(cells), "", summary])


def _line(done: Check) -> list[str]:
    digits = decimals(done.printed) + 1
    value, low, high = (_text(number, digits) for number in done.recomputed)
    verdict = "reproduces"
    if not done.reproduces:
        verdict = f"does not, off by {float(Fraction(done.printed) - done.recomputed.value):+.{digits}f}"
        others = ", ".join(f"{name} ({_text(other.value, digits)})" for name, other in done.others.items())
        verdict += f"; does under {others}" if others else ""
    return [done.table, done.row, done.column, done.weighting, str(done.printed), value, f"{low} to {high}", verdict]


def _text(number: Fraction, digits: int) -> str:
    return f"{float(number):.{digits}f}"


def _align(grid: Iterable[Sequence[str]]) -> list[str]:
    """Columns of numbers flush right, all others left."""
    columns = []
    for head, *body in zip(*grid, strict=True):
        width = max(map(len, (head, *body)))
        right = all(text.replace(",", "").replace(".", "").isdigit() or text == "-" for text in body)
        columns.append([text.rjust(width) if right else text.ljust(width) for text in (head, *body)])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
