"""Build the study of finished runs: tables, figures and one page, from what the runs left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.results import Run
from lmms_vg.runs.units import together
from lmms_vg.study import (
    breakdown_table,
    chosen_layer,
    curves,
    gap_table,
    head_tables,
    paired_table,
    released,
)
from lmms_vg.study.collect import StudiedTask, Study, collect
from lmms_vg.study.compared_tables import ComparedTables, compared
from lmms_vg.study.figures import (
    box_figure,
    content_figure,
    curve_figure,
    head_figure,
    own_layer_figure,
    radar_figure,
    strip_figure,
    token_figure,
)
from lmms_vg.study.page.collected import write_page
from lmms_vg.study.released import ReleasedList
from lmms_vg.study.shortfall import Missing
from lmms_vg.study.study_table import StudyTable, signatures

Tasks = Sequence[StudiedTask]

_TABLES: tuple[Callable[[Tasks], StudyTable], ...] = (
    chosen_layer.table,
    paired_table.table,
    paired_table.chosen_table,
    gap_table.table,
)


def build(
    runs: Sequence[Run], out: Path, lists: Sequence[ReleasedList] = (), images: bool | None = None
) -> tuple[list[Path], Study]:
    """Write the tables, figures and page of runs into a folder, and return their paths and what was collected.

    Needs no model and no network; images are opened for the pictures that show some.

    Args:
        runs: finished runs, as `runs.read.read` reads them.
        out: the folder; files in it are replaced.
        lists: results of the authors' code, for comparison.
        images: whether the page embeds images; None for those whose licence allows to pass them on.

    Raises:
        ValueError: none of the runs measured where a model looks.
    """
    study = collect(runs)
    all_curves, breakdown = curves.curves(study.tasks), breakdown_table.table(study.tasks)
    both = compared(study.tasks)
    paths = [path for part in _parts(study, all_curves, breakdown, both, out) for path in part]
    paths += released.table(lists).write(out / "tables")
    page, left_out = write_page(study, all_curves, breakdown.rows, both, out, images)
    study = replace(study, missing=(*study.missing, *map(Missing, left_out)))
    replace_file(out / "missing.md", _missing(study))
    return [*paths, page, out / "missing.md"], study


def _parts(
    study: Study, all_curves: Sequence[curves.LookCurve], breakdown: StudyTable, both: ComparedTables, out: Path
) -> Iterator[list[Path]]:
    tables, figures, tasks = out / "tables", out / "figures", study.tasks
    further = curves.curves(study.further)
    yield curves.table([*all_curves, *further]).write(tables)
    for make in _TABLES:
        yield make(tasks).write(tables)
    for table in both:
        yield table.write(tables)
    yield breakdown.write(tables)
    heads = head_tables.run_heads(tasks)
    yield head_tables.table(heads).write(tables)
    yield head_tables.agreement_table(heads).write(tables)
    # Under a control the image is not what the box was drawn on: such runs are in tables alone.
    seen = [task for task in tasks if not task.run.control] or tasks
    drawn = [curve for curve in all_curves if curve.task in seen]
    names = {(task.model, task.method) for task in seen}
    yield curve_figure.draw(drawn, figures)
    yield box_figure.draw([row for row in breakdown.rows if (row["model"], row["method"]) in names], figures)
    yield content_figure.draw(content_figure.table_rows(q for task in seen for q in task.questions), figures)
    yield head_figure.draw([entry for entry in heads if not entry.run.control], figures)
    yield token_figure.draw([*drawn, *(curve for curve in further if not curve.task.run.control)], figures)
    yield radar_figure.draw(study.runs, figures)
    yield own_layer_figure.draw(seen, figures)
    yield strip_figure.draw(seen, figures)


def _missing(study: Study) -> str:
    lines = [f"- {line}" for line in study.missing] or ["Nothing."]
    unit = together(task.unit for task in study.tasks)
    return "\n".join(["# What is missing", "", *lines, "", f"Numbers: {signatures(unit)}", ""])
