"""A sweep to look at: the paper's Table 4 with differences to plain, and the same as curves."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from lmms_vg.study.compare import Line, Table
from lmms_vg.study.pictures import png
from lmms_vg.study.tables import markdown

NOTE = (
    "Accuracy in %, then the difference to plain in points with its 95% interval (paired, whole images drawn). A setting is "
    "better than plain where the interval lies above 0 and p, corrected for all lines (below), is small; the highest of many "
    "settings is also the luckiest."
)


class Point(NamedTuple):
    """A setting: `value` of `axis`, and the folder of its results as `Run.path` has it."""

    axis: str
    value: str
    path: Path


def as_markdown(points: Sequence[Point], table: Table) -> str:
    """One table an axis: a row a value, plain first; a column a task or pooled group."""
    names = list(dict.fromkeys(line.name for line in table.lines))
    cells = {(line.run.path, line.name): _cell(line) for line in table.lines}
    parts = []
    for axis in dict.fromkeys(point.axis for point in points):
        of_axis = [(point.value, point.path) for point in points if point.axis == axis]
        rows = [
            [value, *(cells.get((path, name), "") for name in names)]
            for value, path in [("plain", table.base.path), *of_axis]
        ]
        titles = [f"{name}, pooled" if name in table.pooled else name for name in names]
        parts.append(markdown([axis, *titles], rows, texts=1))
    return "\n\n".join([*parts, NOTE])


def _cell(line: Line) -> str:
    score = f"{100 * line.score:.2f}"
    if line.against is None:
        return score
    mean, low, high, _ = line.against.difference
    interval = "one image" if isnan(low) else f"{100 * low:+.2f} to {100 * high:+.2f}"
    return f"{score} ({100 * mean:+.2f}: {interval})"


def draw(points: Sequence[Point], table: Table) -> bytes:
    """A PNG: a panel an axis, differences to plain with 95% intervals, a line a task; pooled groups stand out."""
    axes = list(dict.fromkeys(point.axis for point in points))
    figure = Figure(figsize=(1.5 + 4.2 * len(axes), 3.8), layout="constrained")
    panels = figure.subplots(1, len(axes), squeeze=False, sharey=True)[0]
    lines = {(line.run.path, line.name): line for line in table.lines}
    names = list(dict.fromkeys(line.name for line in table.lines))
    for panel, axis in zip(panels, axes, strict=True):
        of_axis = [point for point in points if point.axis == axis]
        for number, name in enumerate(names):
            shown = [
                (i, lines[point.path, name].against) for i, point in enumerate(of_axis) if (point.path, name) in lines
            ]
            found = [(i, one.difference) for i, one in shown if one is not None]
            places = [i + 0.14 * (number - (len(names) - 1) / 2) for i, _ in found]  # side by side, not over each other
            means = [100 * one.mean for _, one in found]
            low, high = (
                [100 * bound for bound in bounds]
                for bounds in zip(*((d.mean - d.low, d.high - d.mean) for _, d in found), strict=True)
            )
            pooled = name in table.pooled
            panel.errorbar(
                places,
                means,
                yerr=[low, high],
                label=f"{name}{', pooled' if pooled else ''}",
                marker="o",
                markersize=4,
                linewidth=2.2 if pooled else 1.0,
                elinewidth=1.0,
                capsize=2,
                alpha=1.0 if pooled else 0.75,
                color="black" if pooled else None,
            )
        panel.axhline(0, color="grey", linewidth=0.8, linestyle="--")
        panel.set_xticks(range(len(of_axis)), [point.value for point in of_axis], rotation=0 if len(axis) < 8 else 30)
        panel.set_xlabel(axis)
    panels[0].set_ylabel("difference to plain, points of %")
    panels[-1].legend(fontsize=8, loc="best")
    return png(figure)
