"""Radars of runs that asked the questions of the paper's Tables 2 and 3, beside its rows (paper, Figure A.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmms_vg.paper.columns import of_table
from lmms_vg.paper.published import table
from lmms_vg.runs.plots import radar
from lmms_vg.runs.plots.radar import OWN, PUBLISHED, Spoke
from lmms_vg.runs.results import Run
from lmms_vg.study.run_names import model_of

#: The paper's tables that the figure shows.
TABLES = ("2", "3")


def spokes_of(runs: Sequence[Run], number: str) -> list[Spoke]:
    """Return the accuracies of one table, in %: the published ones, and those of runs that have all its columns."""
    columns, printed = of_table(number), table(number)
    spokes = [
        Spoke(number, PUBLISHED, name, column.title, float(cell), None)
        for name in printed.rows
        for column in columns
        if (cell := printed.cell(name, column.title)) is not None
    ]
    for run in runs:
        tasks = [next((task for task in column.tasks["vgrefine"] if task in run.tasks), None) for column in columns]
        if all(tasks):
            for column, task in zip(columns, tasks, strict=True):
                scores = [*run.tasks[str(task)].scores.values()]
                mean = 100 * float(np.mean(scores)) if scores else float("nan")
                spokes.append(Spoke(number, OWN, f"{model_of(run)}, {run.label}", column.title, mean, len(scores)))
    return spokes


def draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw a radar per table that a run has all columns of; published rows alone are the paper's own figure."""
    tables = [spokes_of(runs, number) for number in TABLES]
    shown = [spokes for spokes in tables if any(spoke.kind == OWN for spoke in spokes)]
    return radar.draw([spoke for spokes in shown for spoke in spokes], folder)
