"""A table to take away: CSV and JSON in full precision, LaTeX and Markdown as shown.

Names come from whoever sent a submission in, so no text of a table is trusted: in a cell it may neither end the cell nor become
a formula, a command, a link or an element.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from lmms_vg.leaderboard.cells import UNVERIFIED
from lmms_vg.leaderboard.published_rows import MARK
from lmms_vg.leaderboard.table_model import ALIKE_MARK, CellView, RowView, TableView
from lmms_vg.runs.text_tables import comma_separated, escape, latex, markdown

_HEAD = "table kind entry name method parameters zero_shot column unit value low high n rank better rule remark source alike"
_FORMULA = "=+-@＝＋－＠"  # spreadsheets compute what begins so; the wide ones do in East Asian ones
_WIDE = 12  # columns that fit beside each other

_Cells = list[list[str]]


def as_csv(table: TableView) -> str:
    """A line a row and column that has a number, or says in `remark` why it has none; marks stand there, too (notes).

    Texts that a spreadsheet would compute begin with an apostrophe.
    """
    lines = []
    for kind, row in _rows(table):
        about: list[object] = [table.key, kind, row.entry, row.name, row.method, row.parameters, row.zero_shot]
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell.text or cell.value is not None:
                values = [cell.value, cell.low, cell.high, cell.n, cell.rank, column.better, cell.rule]
                marks = [mark.strip() for mark in (MARK, UNVERIFIED) if cell.text.endswith(mark)]
                remark = cell.text if cell.value is None else "".join(marks)
                source = table.source if kind == "published" else ""
                lines.append([*about, column.title, column.unit, *values, remark, source, row.alike])
    return comma_separated(_HEAD.split(), [list(map(_guarded, line)) for line in lines])


def as_json(table: TableView) -> str:
    """All that a table holds, `measured` and `published` rows apart. Errors: ValueError for NaN and infinity."""
    value = table._asdict()
    value["columns"] = [column._asdict() for column in table.columns]
    value["ranked"] = table.columns[table.ranked].title
    for kind in ("measured", "published"):
        value[kind] = [_with_cells(row) for row in value[kind]]
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def as_markdown(table: TableView) -> str:
    """Both kinds of rows in tables of their own, and what has to be said beside them."""
    parts = [f"# {_inline(table.title)}", _inline(table.about)]
    for title, texts, grid in _grids(table):
        head, *body = [list(map(_inline, line)) for line in grid]
        parts += [f"## {_inline(title)}", markdown(head, body, texts)]
    notes = [f"- {_inline(note)}" for note in _said(table)]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])]) + "\n"


def as_latex(table: TableView) -> str:
    """The same for the package booktabs; notes stand below the last of the tables."""
    parts = []
    grids = _grids(table)
    for number, (title, texts, (head, *body)) in enumerate(grids, start=1):
        notes = [table.about, *_said(table)] if number == len(grids) else []
        below = "\n".join(rf"\par {escape(_line(note))}" for note in notes)
        inside = latex([_line(cell) for cell in head], [[_line(cell) for cell in line] for line in body], texts)
        caption = escape(_line(f"{table.title}: {title}"))
        beneath = f"{{\\footnotesize\n{below}\n}}\n" if notes else ""
        parts.append(
            f"\\begin{{table}}\n\\caption{{{caption}}}\n\\centering\n\\small\n{inside}\n{beneath}\\end{{table}}\n"
        )
    return "\n".join(parts)


#: By the ending of a file.
FORMATS: dict[str, Callable[[TableView], str]] = {"csv": as_csv, "json": as_json, "tex": as_latex, "md": as_markdown}


def _rows(table: TableView) -> list[tuple[str, RowView]]:
    return [("measured", row) for row in table.measured] + [("published", row) for row in table.published]


def _with_cells(row: RowView) -> dict[str, Any]:
    return row._asdict() | {"cells": [cell._asdict() for cell in row.cells]}


def _grids(table: TableView) -> list[tuple[str, int, _Cells]]:
    """Title, number of columns of text, and lines with their heading, of measured and of published rows."""
    made = []
    if table.measured:
        columns = zip(*(row.cells for row in table.measured), strict=True)
        same = [_same_n(cells) for cells in columns]
        head = ["rank", "model", "method", "parameters (B)", "zero-shot", "submission"]
        head += [f"{one.title}{f' (n = {n:,})' if n else ''}" for one, n in zip(table.columns, same, strict=True)]
        body = []
        for row in table.measured:
            rank = row.cells[table.ranked].rank
            entry = f"{row.entry} {ALIKE_MARK} {row.alike}" if row.alike else row.entry
            about = ["" if rank is None else str(rank), row.name, row.method, *_about(row), entry]
            body.append([*about, *(_shown(cell, n is None) for cell, n in zip(row.cells, same, strict=True))])
        made.append(("measured", 6, [head, *body]))
    if table.published:
        head = ["model", "method", "parameters (B)", "zero-shot", *(column.title for column in table.columns)]
        body = [[row.name, row.method, *_about(row), *(cell.text for cell in row.cells)] for row in table.published]
        made.append((f"published ({table.source})", 4, [head, *body]))
    return [(title, *_turned(texts, grid)) for title, texts, grid in made]


def _turned(texts: int, grid: _Cells) -> tuple[int, _Cells]:
    """Where columns would not fit but rows do, as the paper turns its widest table."""
    columns = len(grid[0]) - texts
    if columns <= max(_WIDE, len(grid)):
        return texts, grid
    return 1, [list(line) for line in zip(*grid, strict=True)]


def _about(row: RowView) -> list[str]:
    zero_shot = {True: "yes", False: "no", None: ""}[row.zero_shot]
    return ["" if row.parameters is None else f"{row.parameters:g}", zero_shot]


def _same_n(cells: Sequence[CellView]) -> int | None:
    """The number of questions, where it is one for the whole column."""
    found = {cell.n for cell in cells if cell.value is not None}
    return found.pop() if len(found) == 1 else None


def _shown(cell: CellView, with_n: bool) -> str:
    """The number with its interval, to the same digit."""
    if cell.low is None or cell.high is None:
        more = []
    else:
        digits = len(re.sub(r"[^\d.]", "", cell.text).partition(".")[2])
        more = [f"{cell.low:.{digits}f} to {cell.high:.{digits}f}"]
    if with_n and cell.n is not None:
        more.append(f"n = {cell.n:,}")
    return f"{cell.text} ({', '.join(more)})" if more else cell.text


def _said(table: TableView) -> list[str]:
    columns = [f"{column.title}: {column.about}" for column in table.columns]
    ranked = [f"rank: in {table.columns[table.ranked].title}"] if table.measured else []
    return [*ranked, *columns, *table.notes]


def _line(text: str) -> str:
    """On one line, without signs that have no shape of their own: they can end a file early or turn the text around."""
    return " ".join("".join(sign if unicodedata.category(sign)[0] != "C" else " " for sign in text).split())


def _inline(text: str) -> str:
    """Text that Markdown prints as it stands: no element, image, emphasis or code, and no link that hides where it leads."""
    text = _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]~!#])", r"\\\1", text)


def _guarded(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = _line(value)
    return f"'{text}" if text[:1] in tuple(_FORMULA) or value[:1] in ("\t", "\r", "\n") else text
