"""Figure A.1 of cells that were compared: accuracy by subject and by modality, the paper's rows beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lmms_vg.paper.columns import by_title
from lmms_vg.reproduce.cells import Cell
from lmms_vg.reproduce.plan import Plan
from lmms_vg.reproduce.plan_report import warning
from lmms_vg.study.figures.radar_figure import OWN, PUBLISHED, draw_rows
from lmms_vg.study.study_table import Row


def draw(plan: Plan, cells: Sequence[Cell]) -> list[Path]:
    """Draw the radars of a plan into its folder, and return their paths; averages are no spokes."""
    return draw_rows([*_published(plan), *_own(cells)], plan.out, warning(plan, {}).replace("*", "").strip())


def _published(plan: Plan) -> Iterator[Row]:
    assert plan.table is not None
    for row in plan.table.rows:
        for column in filter(_number, plan.table.columns):
            if (cell := plan.table.cell(row, column)) is not None:
                yield _row(PUBLISHED, row, column, float(cell), None)


def _own(cells: Sequence[Cell]) -> Iterator[Row]:
    for cell in cells:
        if cell.score is not None and _number(cell.column.name):
            yield _row(OWN, cell.row, cell.column.name, cell.score.value, cell.score.n)


def _number(column: str) -> str:
    """The paper's table of a column; empty for an average."""
    known = by_title()
    return known[column].table if column in known else ""


def _row(kind: str, row: str, column: str, accuracy: float, n: int | None) -> Row:
    return {"table": _number(column), "kind": kind, "row": row, "column": column, "accuracy": accuracy, "n": n}
