"""Show a sweep: the paper's Table 4 with differences from plain, and the same as curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from lmms_vg.runs.comparison import Comparison, ComparisonLine
from lmms_vg.runs.comparison_cells import difference_of, interval_of
from lmms_vg.runs.comparison_tables import csv_rows
from lmms_vg.runs.plots.png import png
from lmms_vg.runs.text_tables import comma_separated, markdown

NOTE = (
    "Accuracy in %, then the difference from plain in percentage points with its 95% interval (paired; whole images drawn). "
    "Intervals are not corrected for the number of settings: use p (Holm) below. The best of many settings also had the most "
    "luck. While one hyper-parameter varies, the others have the values given, or their defaults."
)


class Point(NamedTuple):
    """A setting: `value` of `axis`, and the path of its results, as in `Run.path`."""

    axis: str
    value: str
    path: Path


def as_markdown(points: Sequence[Point], table: Comparison) -> str:
    """Return one table per axis: one row per value, plain first, and one column per task or pooled group."""
    sizes = {line.name: line.n for line in table.lines}
    cells = {(line.run.path, line.name): _cell(line) for line in table.lines}
    titles = [f"{name}{', pooled' if name in table.pooled else ''} (n = {n})" for name, n in sizes.items()]
    parts = []
    for axis, of_axis in _by_axis(points).items():
        places = [("plain", table.base.path), *((point.value, point.path) for point in of_axis)]
        rows = [[value, *(cells.get((path, name), "") for name in sizes)] for value, path in places]
        parts.append(markdown([axis, *titles], rows, texts=1))
    return "\n\n".join([*parts, NOTE])


def as_csv(points: Sequence[Point], table: Comparison) -> str:
    """Return the lines of the comparison with their axis and value; those of plain have neither."""
    head, rows = csv_rows(table)
    plain = [["", "", *cells] for line, cells in rows if line.run.path == table.base.path]
    settings = [
        [point.axis, point.value, *cells] for point in points for line, cells in rows if line.run.path == point.path
    ]
    return comma_separated(["axis", "value", *head], [*plain, *settings])


def _by_axis(points: Sequence[Point]) -> dict[str, list[Point]]:
    axes = dict.fromkeys(point.axis for point in points)
    return {axis: [point for point in points if point.axis == axis] for axis in axes}


def _cell(line: ComparisonLine) -> str:
    score = f"{100 * line.score:.2f}"
    return score if line.against is None else f"{score} ({difference_of(line)}: {interval_of(line)})"


def draw(points: Sequence[Point], table: Comparison, title: str) -> bytes:
    """Draw a PNG with one panel per axis: differences from plain with 95% intervals; pooled groups are bold.

    Numeric values are placed to scale and joined by lines; other values have no order, so they are not joined.
    """
    axes = _by_axis(points)
    figure = Figure(figsize=(1.5 + 4.2 * len(axes), 4.0), layout="constrained")
    panels = figure.subplots(1, len(axes), squeeze=False, sharey=True)[0]
    lines = {(line.run.path, line.name): line for line in table.lines}
    sizes = {line.name: line.n for line in table.lines}
    for panel, (axis, of_axis) in zip(panels, axes.items(), strict=True):
        numbers = _numbers([point.value for point in of_axis])
        places = numbers or [float(i) for i in range(len(of_axis))]
        apart = 0.025 * (max(places) - min(places) or 1.0)  # draw tasks side by side
        for number, name in enumerate(sizes):
            results = [
                (place + apart * (number - (len(sizes) - 1) / 2), lines[point.path, name].against)
                for place, point in zip(places, of_axis, strict=True)
                if (point.path, name) in lines
            ]
            _errorbars(panel, results, name, name in table.pooled, sizes[name], joined=bool(numbers))
        panel.axhline(0, color="grey", linewidth=0.8, linestyle="--")
        panel.set_xticks(places, [point.value for point in of_axis], rotation=0 if numbers else 30)
        panel.set_xlabel(axis)
    panels[0].set_ylabel("difference from plain, percentage points")
    panels[-1].legend(fontsize=8, loc="best")
    figure.suptitle(f"{title}; 95% intervals, paired, not corrected", fontsize=10)
    return png(figure)


def _numbers(values: list[str]) -> list[float]:
    try:
        return [float(value) for value in values]
    except ValueError:
        return []


def _errorbars(panel: Any, results: list[tuple[float, Any]], name: str, pooled: bool, n: int, joined: bool) -> None:
    places = [place for place, against in results if against is not None]
    differences = [against.difference for _, against in results if against is not None]
    panel.errorbar(
        places,
        [100 * d.mean for d in differences],
        # A difference without an interval, for want of images, has no bar.
        yerr=np.nan_to_num(
            [[100 * (d.mean - d.low) for d in differences], [100 * (d.high - d.mean) for d in differences]]
        ),
        label=f"{name}{', pooled' if pooled else ''} (n = {n})",
        marker="o",
        markersize=4,
        linestyle="-" if joined else "none",
        linewidth=2.2 if pooled else 1.0,
        elinewidth=1.0,
        capsize=2,
        alpha=1.0 if pooled else 0.75,
        color="black" if pooled else None,
    )
