"""Draw accuracy by subject and by modality as radars (paper, Figure A.1): published rows beside those of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from lmms_vg.runs.plots.style import MARKERS, PALETTE, save, styled

PUBLISHED, OWN = "published", "own run"


class Spoke(NamedTuple):
    """The accuracy of a row on one spoke of a radar.

    Attributes:
        table: number of the paper's table; each has a radar of its own.
        kind: `PUBLISHED` or `OWN`.
        row: the row of the table, or the name of a run.
        column: the column of the table, whose spoke it is.
        accuracy: in %.
        n: questions; None if published.
    """

    table: str
    kind: str
    row: str
    column: str
    accuracy: float
    n: int | None


def draw(spokes: Sequence[Spoke], folder: Path, title: str = "") -> list[Path]:
    """Draw a radar per table that spokes name, save them as `radar`, and return the paths; nothing without spokes.

    Args:
        spokes: of rows in the order in which they are drawn. A row that lacks a column is in the CSV alone.
        folder: where to.
        title: of the whole figure.
    """
    numbers = list(dict.fromkeys(spoke.table for spoke in spokes))
    if not numbers:
        return []
    with styled():
        figure = Figure(figsize=(3.6 * len(numbers), 4.3), layout="constrained")
        if title:
            figure.suptitle(title, fontsize=6.5, wrap=True)
        for place, number in enumerate(numbers, start=1):
            _radar(figure, (1, len(numbers), place), number, [spoke for spoke in spokes if spoke.table == number])
        return save(figure, folder, "radar", [spoke._asdict() for spoke in spokes])


def _radar(figure: Figure, place: tuple[int, int, int], number: str, spokes: Sequence[Spoke]) -> None:
    axis = figure.add_subplot(*place, projection="polar")
    columns = list(dict.fromkeys(spoke.column for spoke in spokes))
    angles = np.linspace(0, 2 * np.pi, len(columns), endpoint=False)
    names = list(dict.fromkeys((spoke.kind, spoke.row) for spoke in spokes))
    for at, (kind, name) in enumerate(names):
        values = {spoke.column: spoke.accuracy for spoke in spokes if (spoke.kind, spoke.row) == (kind, name)}
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
