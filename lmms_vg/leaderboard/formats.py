"""A table as a file to download: CSV and JSON in full precision, LaTeX and Markdown as shown.

Names come from strangers, so no text of a table is trusted: in a cell it must neither end the cell nor become a formula, a
command, a link or an element.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from lmms_vg.leaderboard.cells import UNVERIFIED
from lmms_vg.leaderboard.published_rows import MARK
from lmms_vg.leaderboard.table_html import line_text, rank_text
from lmms_vg.leaderboard.table_model import ALIKE_MARK, DECLARED_MARK, CellView, RowView, TableView
from lmms_vg.runs.text_tables import comma_separated, escape, latex, markdown

_HEAD = (
    "table kind entry name method parameters zero_shot column unit value low high n rank_best rank_worst ranked better "
)
_HEAD += "rule remark source alike declared role under settings chance grounding"
_FORMULA = "=+-@＝＋－＠"  # spreadsheets compute texts that begin with these; East Asian ones with the wide forms, too
_WIDE = 12  # columns that fit on a page

_UNRANKED = "not ranked: oracles, controls and chance"

_Cells = list[list[str]]


def as_csv(table: TableView) -> str:
    """Return one line per row and column that has a number, or a `remark` that says why not; marks are in `remark`, too.

    Texts that a spreadsheet would compute begin with an apostrophe.
    """
    lines = []
    for kind, row in _rows(table):
        about: list[object] = [table.key, kind, row.entry, row.name, row.method, row.parameters, row.zero_shot]
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell.text or cell.value is not None:
                rank = cell.rank or (None, None, None)
                values = [cell.value, cell.low, cell.high, cell.n, *rank, column.better, cell.rule]
                marks = [mark.strip() for mark in (MARK, UNVERIFIED) if cell.text.endswith(mark)]
                remark = cell.text if cell.value is None else "".join(marks)
                source = table.source if kind == "published" else ""
                of_row = [row.alike, row.declared, row.role, cell.under, row.settings, column.chance, row.grounding]
                lines.append([*about, column.title, column.unit, *values, remark, source, *of_row])
    return comma_separated(_HEAD.split(), [list(map(_guarded, line)) for line in lines])


def as_json(table: TableView) -> str:
    """Return everything that a table holds, with `measured`, `unranked` and `published` rows apart.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    value = table._asdict()
    value["columns"] = [column._asdict() for column in table.columns]
    value["ranked"] = table.columns[table.ranked].title
    for kind in ("measured", "unranked", "published"):
        value[kind] = [_with_cells(row) for row in value[kind]]
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def as_markdown(table: TableView) -> str:
    """Return measured, unranked and published rows as tables, followed by the notes."""
    parts = [f"# {_inline(table.title)}", _inline(table.about)]
    for title, texts, grid in _grids(table):
        head, *body = [list(map(_inline, line)) for line in grid]
        parts += [f"## {_inline(title)}", markdown(head, body, texts)]
    notes = [f"- {_inline(note)}" for note in _said(table)]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])]) + "\n"


def as_latex(table: TableView) -> str:
    """Return the same for the package booktabs; the notes are below the last table."""
    parts = []
    grids = _grids(table)
    for number, (title, texts, (head, *body)) in enumerate(grids, start=1):
        notes = [table.about, *_said(table)] if number == len(grids) else []
        below = "\n".join(rf"\par {escape(_line(note))}" for note in notes)
        tabular = latex([_line(cell) for cell in head], [[_line(cell) for cell in line] for line in body], texts)
        caption = escape(_line(f"{table.title}: {title}"))
        footnotes = f"{{\\footnotesize\n{below}\n}}\n" if notes else ""
        parts.append(
            f"\\begin{{table}}\n\\caption{{{caption}}}\n\\centering\n\\small\n{tabular}\n{footnotes}\\end{{table}}\n"
        )
    return "\n".join(parts)


#: File ending -> writer.
FORMATS: dict[str, Callable[[TableView], str]] = {"csv": as_csv, "json": as_json, "tex": as_latex, "md": as_markdown}


def _rows(table: TableView) -> list[tuple[str, RowView]]:
    kinds = (("measured", table.measured), ("unranked", table.unranked), ("published", table.published))
    return [(kind, row) for kind, rows in kinds for row in rows]


def _with_cells(row: RowView) -> dict[str, Any]:
    return row._asdict() | {
        "cells": [cell._asdict() | {"rank": cell.rank and cell.rank._asdict()} for cell in row.cells]
    }


def _grids(table: TableView) -> list[tuple[str, int, _Cells]]:
    """Return title, number of text columns, and lines with their heading, of measured, unranked and published rows."""
    grids = []
    for title, rows in (("measured", table.measured), (_UNRANKED, table.unranked)):
        if rows:
            counts = [_same_n(cells) for cells in zip(*(row.cells for row in rows), strict=True)]
            head = ["rank", "model", "method", "parameters (B)", "zero-shot", "submission"]
            head += [
                f"{column.title}{f' (n = {n:,})' if n else ''}" for column, n in zip(table.columns, counts, strict=True)
            ]
            grids.append((title, 6, [head, *(_measured(row, table.ranked, counts) for row in rows)]))
    if table.published:
        head = ["model", "method", "parameters (B)", "zero-shot", *(column.title for column in table.columns)]
        body = [[row.name, row.method, *_about(row), *(cell.text for cell in row.cells)] for row in table.published]
        grids.append((f"published ({table.source})", 4, [head, *body]))
    return [(title, *_turned(texts, grid)) for title, texts, grid in grids]


def _measured(row: RowView, ranked: int, counts: Sequence[int | None]) -> list[str]:
    remarks = "; ".join(filter(None, (row.alike and f"{ALIKE_MARK} {row.alike}", line_text(row))))
    entry = f"{row.entry} {remarks}".strip()
    name = f"{row.name} {DECLARED_MARK}" if row.declared else row.name
    about = [rank_text(row.cells[ranked].rank), name, row.method, *_about(row), entry]
    return [*about, *(_shown(cell, n is None) for cell, n in zip(row.cells, counts, strict=True))]


def _turned(texts: int, grid: _Cells) -> tuple[int, _Cells]:
    """Transpose a grid whose columns would not fit while its rows would, as the paper does with its widest table."""
    columns = len(grid[0]) - texts
    if columns <= max(_WIDE, len(grid)):
        return texts, grid
    return 1, [list(line) for line in zip(*grid, strict=True)]


def _about(row: RowView) -> list[str]:
    zero_shot = {True: "yes", False: "no", None: ""}[row.zero_shot]
    return ["" if row.parameters is None else f"{row.parameters:g}", zero_shot]


def _same_n(cells: Sequence[CellView]) -> int | None:
    """Return the number of questions if the whole column has the same; else None."""
    counts = {cell.n for cell in cells if cell.value is not None}
    return counts.pop() if len(counts) == 1 else None


def _shown(cell: CellView, with_n: bool) -> str:
    """Return the number with its interval, to the same digit."""
    if cell.low is None or cell.high is None:
        details = []
    else:
        digits = len(re.sub(r"[^\d.]", "", cell.text).partition(".")[2])
        details = [f"{cell.low:.{digits}f} to {cell.high:.{digits}f}"]
    if with_n and cell.n is not None:
        details.append(f"n = {cell.n:,}")
    return f"{cell.text} ({', '.join(details)})" if details else cell.text


def _said(table: TableView) -> list[str]:
    columns = [f"{column.title}: {column.about}" for column in table.columns]
    ranked = [f"rank: in {table.columns[table.ranked].title}"] if table.measured else []
    return [*ranked, *columns, *table.notes]


def _line(text: str) -> str:
    """Collapse to one line and drop control characters, which could truncate the file or reverse the text direction."""
    return " ".join(
        "".join(character if unicodedata.category(character)[0] != "C" else " " for character in text).split()
    )


def _inline(text: str) -> str:
    """Escape for Markdown: no element, image, emphasis or code, and no link that hides its target."""
    text = _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]~!#])", r"\\\1", text)


def _guarded(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = _line(value)
    return f"'{text}" if text[:1] in tuple(_FORMULA) or value[:1] in ("\t", "\r", "\n") else text
