"""Build the study of finished runs: tables and figures, from what the runs left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.results import Run
from lmms_vg.study import breakdown_table, chosen_layer, correct_table, curves, gap_table, paired_table
from lmms_vg.study.collect import StudiedTask, Study, collect
from lmms_vg.study.figures import curve_figure
from lmms_vg.study.page_collected import write_page
from lmms_vg.study.study_table import StudyTable, signatures

Tasks = Sequence[StudiedTask]

_TABLES: tuple[Callable[[Tasks], StudyTable], ...] = (
    chosen_layer.table,
    paired_table.table,
    paired_table.chosen_table,
    gap_table.table,
    correct_table.table,
)


def build(runs: Sequence[Run], out: Path, images: bool | None = None) -> tuple[list[Path], Study]:
    """Write the tables, figures and page of runs into a folder, and return their paths and what was collected.

    Needs no model and no network; images are opened for the pictures that show some.

    Args:
        runs: finished runs, as `runs.read.read` reads them.
        out: the folder; files in it are replaced.
        images: whether the page embeds images; None for those whose licence allows to pass them on.

    Raises:
        ValueError: none of the runs measured where a model looks.
    """
    study = collect(runs)
    paths = [path for part in _parts(study, out, images) for path in part]
    replace_file(out / "missing.md", _missing(study))
    return [*paths, out / "missing.md"], study


def _parts(study: Study, out: Path, images: bool | None) -> Iterator[list[Path]]:
    all_curves = curves.curves(study.tasks)
    yield curves.table(all_curves).write(out / "tables")
    for make in _TABLES:
        yield make(study.tasks).write(out / "tables")
    breakdown = breakdown_table.table(study.tasks)
    yield breakdown.write(out / "tables")
    yield curve_figure.draw(all_curves, out / "figures")
    yield [write_page(study, all_curves, breakdown.rows, out, images)]


def _missing(study: Study) -> str:
    lines = [f"- {line}" for line in study.missing] or ["Nothing."]
    return "\n".join(["# What is missing", "", *lines, "", f"Numbers: {signatures()}", ""])
