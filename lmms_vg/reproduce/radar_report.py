"""Figure A.1 of cells that were compared: accuracy by subject and by modality, the paper's rows beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lmms_vg.paper.columns import by_title
from lmms_vg.reproduce.cells import Cell
from lmms_vg.reproduce.plan import Plan
from lmms_vg.reproduce.plan_report import warning
from lmms_vg.runs.plots import radar
from lmms_vg.runs.plots.radar import OWN, PUBLISHED, Spoke


def draw(plan: Plan, cells: Sequence[Cell]) -> list[Path]:
    """Draw the radars of a plan into its folder, and return their paths; averages are no spokes."""
    return radar.draw([*_published(plan), *_own(cells)], plan.out, warning(plan, {}).replace("*", "").strip())


def _published(plan: Plan) -> Iterator[Spoke]:
    assert plan.table is not None
    for row in plan.table.rows:
        for column in plan.table.columns:
            if (number := _number(column)) and (cell := plan.table.cell(row, column)) is not None:
                yield Spoke(number, PUBLISHED, row, column, float(cell), None)


def _own(cells: Sequence[Cell]) -> Iterator[Spoke]:
    for cell in cells:
        if cell.score is not None and (number := _number(cell.column.name)):
            yield Spoke(number, OWN, cell.row, cell.column.name, cell.score.value, cell.score.n)


def _number(column: str) -> str:
    """Return the paper's table of a column; empty for an average."""
    known = by_title()
    return known[column].table if column in known else ""
