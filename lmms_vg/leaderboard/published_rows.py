"""The paper's printed numbers as rows of a table: as printed, without ranks, and marked where they do not add up."""

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
# Of other rows and other benchmarks it does not say.
_THREE = {"vqa_rad", "slake", "path_vqa"}
_TRAINED_ON = {"LLaVA-Tri": _THREE} | dict.fromkeys(("VILA-M3", "MedPLIB", "MedRegA"), _THREE | {"pmc_vqa"})


class Printed(NamedTuple):
    """`source` says where; `notes` what does not add up in it."""

    rows: list[RowView]
    source: str
    notes: list[str]


def printed(shape: TableSpec, titles: Sequence[str]) -> Printed:
    """The paper's rows of a table in the columns of these titles; empty where the paper has none of its questions."""
    if not shape.published:
        return Printed([], "", [])
    table = published.table(shape.published)
    averages = {(done.row, done.column): done for done in published.check(table) if not done.reproduces}
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


def _off(done: published.Check) -> str:
    others = f", {' and '.join(done.others)} would give it" if done.others else ""
    made = f"{float(done.recomputed.value):.2f} recomputed ({done.weighting}{others})"
    return f"{done.row}, {done.column}: {done.printed} printed, {made}"


def _parameters(name: str) -> float | None:
    """Billions, where the name says them."""
    found = re.search(r"(\d+(?:\.\d+)?)B\b", name)
    return float(found[1]) if found else None


def _zero_shot(name: str, shape: TableSpec) -> bool | None:
    """False where the paper says that the model was trained on one of the table's benchmarks."""
    trained_on = next((sets for model, sets in _TRAINED_ON.items() if name.startswith(model)), set[str]())
    return False if trained_on & shape.datasets else None
