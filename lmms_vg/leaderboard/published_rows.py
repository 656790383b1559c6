"""The paper's printed numbers as rows of a table: without ranks, and marked where they do not add up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.table_model import CellView, RowView
from lmms_vg.leaderboard.table_specs import TableSpec
from lmms_vg.paper import published

MARK = " *"

_METHODS = ("VGRefine", "PAI", "AdaptVis", "ViCrop")

# Section 4.2: "VILA-M3 and MedPLIB incorporate training data from VQA-RAD, SLAKE, PathVQA, and PMC-VQA"; caption of Table E.3:
# VILA-M3, MedPLIB and LLaVA-Tri from VQA-RAD, SLAKE, and PathVQA; caption of Table G.5: VILA-M3 and MedRegA from all four.
# The paper does not cover other rows and other benchmarks.
_THREE = {"vqa_rad", "slake", "path_vqa"}
_TRAINED_ON = {"LLaVA-Tri": _THREE} | dict.fromkeys(("VILA-M3", "MedPLIB", "MedRegA"), _THREE | {"pmc_vqa"})


class Printed(NamedTuple):
    """The paper's rows of a table.

    Attributes:
        source: where the paper prints them.
        notes: what does not add up in them.
    """

    rows: list[RowView]
    source: str
    notes: list[str]


def printed(shape: TableSpec, titles: Sequence[str]) -> Printed:
    """Return the paper's rows under these column titles; empty if the paper has no numbers for the table's questions."""
    if not shape.published:
        return Printed([], "", [])
    table = published.table(shape.published)
    averages = {(average.row, average.column): average for average in published.check(table) if not average.reproduces}
    cells = {(row, column): (cell, n) for row, column, cell, n in published.impossible(table)}
    rows = [
        RowView(
            name=name,
            method=next((method for method in _METHODS if name.startswith(method)), ""),
            parameters=_parameters(name),
            entry="",
            zero_shot=_zero_shot(name, shape),
            cells=[_cell(table, name, title, (name, title) in averages.keys() | cells.keys()) for title in titles],
        )
        for name in table.rows
    ]
    notes = [f"The paper's table: {table.note}"] if table.note else []
    if averages:
        notes.append(f"{MARK.strip()} Not the average of its own cells: {'; '.join(map(_off, averages.values()))}")
    if cells:
        named = "; ".join(f"{row}, {column}: {cell} (n = {n:,})" for (row, column), (cell, n) in cells.items())
        notes.append(f"{MARK.strip()} No whole number of right answers out of the questions gives it: {named}")
    return Printed(rows, f"Liu et al., ICLR 2026, {table.source}", notes)


def _cell(table: published.PublishedTable, row: str, title: str, marked: bool) -> CellView:
    cell = table.cell(row, title) if title in table.columns else None
    return CellView("") if cell is None else CellView(f"{cell}{MARK if marked else ''}", float(cell))


def _off(average: published.Check) -> str:
    others = f", {' and '.join(average.others)} would give it" if average.others else ""
    recomputed = f"{float(average.recomputed.value):.2f} recomputed ({average.weighting}{others})"
    return f"{average.row}, {average.column}: {average.printed} printed, {recomputed}"


def _parameters(name: str) -> float | None:
    """Return billions of parameters, if the name says them."""
    match = re.search(r"(\d+(?:\.\d+)?)B\b", name)
    return float(match[1]) if match else None


def _zero_shot(name: str, shape: TableSpec) -> bool | None:
    """Return False if the paper says that the model was trained on one of the table's benchmarks; else None."""
    trained_on = next((sets for model, sets in _TRAINED_ON.items() if name.startswith(model)), set[str]())
    return False if trained_on & shape.datasets else None
