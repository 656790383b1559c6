"""Accuracy by subject and by modality as radars (paper, Figure A.1): published rows, and runs that asked the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lmms_vg.paper.columns import of_table
from lmms_vg.paper.published import table
from lmms_vg.runs.results import Run
from lmms_vg.study.figures.style import MARKERS, PALETTE, save, styled
from lmms_vg.study.run_names import model_of
from lmms_vg.study.study_table import Row

#: The paper's tables that the figure shows.
TABLES = ("2", "3")

PUBLISHED, OWN = "published", "own run"


def rows_of(runs: Sequence[Run], number: str) -> list[Row]:
    """Return the accuracies of one table, in %: the published ones, and those of runs that have all its columns."""
    columns, printed = of_table(number), table(number)
    rows: list[Row] = [
        {"table": number, "kind": PUBLISHED, "row": name, "column": column.title, "accuracy": float(cell), "n": None}
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
                label = f"{model_of(run)}, {run.label}"
                rows.append(
                    {
                        "table": number,
                        "kind": OWN,
                        "row": label,
                        "column": column.title,
                        "accuracy": mean,
                        "n": len(scores),
                    }
                )
    return rows


def draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw a radar per table that a run has all columns of; published rows alone are the paper's own figure."""
    tables = {number: rows_of(runs, number) for number in TABLES}
    shown = [rows for rows in tables.values() if any(row["kind"] == OWN for row in rows)]
    return draw_rows([row for rows in shown for row in rows], folder)


def draw_rows(rows: Sequence[Row], folder: Path, title: str = "") -> list[Path]:
    """Draw a radar per table that is named in rows as `rows_of` returns them; nothing without rows."""
    numbers = list(dict.fromkeys(row["table"] for row in rows))
    if not numbers:
        return []
    with styled():
        figure = Figure(figsize=(3.6 * len(numbers), 4.3), layout="constrained")
        if title:
            figure.suptitle(title, fontsize=6.5, wrap=True)
        for place, number in enumerate(numbers, start=1):
            _radar(figure, (1, len(numbers), place), number, [row for row in rows if row["table"] == number])
        return save(figure, folder, "radar", rows)


def _radar(figure: Figure, place: tuple[int, int, int], number: str, rows: Sequence[Row]) -> None:
    axis = figure.add_subplot(*place, projection="polar")
    columns = list(dict.fromkeys(row["column"] for row in rows))
    angles = np.linspace(0, 2 * np.pi, len(columns), endpoint=False)
    names = list(dict.fromkeys((row["kind"], row["row"]) for row in rows))
    for at, (kind, name) in enumerate(names):
        values = {row["column"]: row["accuracy"] for row in rows if (row["kind"], row["row"]) == (kind, name)}
        if len(values) == len(columns):
            line = [values[column] for column in columns]
            again, colour = divmod(at, len(PALETTE))  # colours come again with other marks and dashes
            axis.plot(
                [*angles, angles[0]],
                [*line, line[0]],
                color=PALETTE[colour],
                linewidth=1.8 if kind == OWN else 0.8,
                linestyle="-" if kind == OWN else ("--", ":")[again % 2],
                marker=MARKERS[(colour + 3 * again) % len(MARKERS)],
                markersize=2.5,
                label=f"{name} ({kind})",
            )
    axis.set_xticks(angles, columns, fontsize=6.5)
    axis.set_ylim(0, 100)
    axis.grid(color="#cccccc", linewidth=0.5)
    axis.tick_params(axis="y", labelsize=5.5)
    axis.set_title(f"Table {number}: accuracy in %", fontsize=7.5, y=1.12)  # above the labels, with any matplotlib
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, fontsize=5)
