"""Grounding against the size of the box: AR, KL, JS and placement, and their excess, by bins of box size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lmms_vg.runs.plots.style import save, styled
from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.breakdown_table import BINS
from lmms_vg.study.figures.style import GREY, SIDES, WIDTH, seed_note
from lmms_vg.study.layer_values import MEASURES

#: Lines of further tasks of one side.
_STYLES = ("-", ":", (0, (1, 3)))


def draw(breakdown: Sequence[Row], folder: Path) -> list[Path]:
    """Draw one figure per model and method, from the rows of the breakdown."""
    rows = [row for row in breakdown if row["axis"] == "box share" and row["category"] in BINS]
    paths = []
    with styled():
        for model, method in dict.fromkeys((row["model"], row["method"]) for row in rows):
            own = [row for row in rows if (row["model"], row["method"]) == (model, method)]
            figure = _figure(own, f"{model}, {method}")
            paths += save(figure, folder, f"box_size_{model}_{method}", own)
    return paths


def _figure(rows: Sequence[Row], title: str) -> Figure:
    quantities = [name for name in ("value", "excess") if any(row["quantity"] == name for row in rows)]
    figure = Figure(figsize=(WIDTH, 1.1 + 1.7 * len(quantities)), layout="constrained")
    panels = figure.subplots(len(quantities), len(MEASURES), squeeze=False)
    sides = dict.fromkeys((row["task"], row["side"]) for row in rows)
    tasks = [task for task, _ in sides]
    again = {task: sum(side == other for _, other in [*sides][:place]) for place, (task, side) in enumerate(sides)}
    for line, quantity in zip(panels, quantities, strict=True):
        for panel, measure in zip(line, MEASURES, strict=True):
            for number, task in enumerate(tasks):
                own = [r for r in rows if (r["task"], r["quantity"], r["measure"]) == (task, quantity, measure)]
                _points(panel, own, (number - (len(tasks) - 1) / 2) * 0.12, again[task])
            if not panel.containers:
                _say_why(panel, quantity)
            elif quantity == "excess":
                panel.axhline(0, color="black", linestyle=":", linewidth=0.8)
            log = "log " * (measure == "AR" and quantity == "excess")
            panel.set_title(f"{log}{measure} {quantity}", loc="left", fontsize=7.5)
            panel.set_xticks(range(len(BINS)), BINS, fontsize=5.5, rotation=30)
            panel.set_xlim(-0.5, len(BINS) - 0.5)
    for panel in panels[-1]:  # not below the figure, where the legend is
        panel.set_xlabel("share of visible patches in the box", fontsize=6)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    hidden = " No KL where patches are hidden." * any(row["hidden_patches"] for row in rows)
    note = seed_note(row["unit"] for row in rows)
    figure.suptitle(f"{title}; 0 excess: a blind look.{hidden} {note}", fontsize=6.5, wrap=True)
    return figure


def _say_why(panel: Any, quantity: str) -> None:
    """Say in a panel without points why it has none."""
    why = "too few other images,\nor patches are hidden" if quantity == "excess" else "patches are hidden"
    panel.text(0.5, 0.5, why, ha="center", va="center", fontsize=6, color=GREY, transform=panel.transAxes)
    panel.set_yticks([])


def _points(panel: Any, rows: Sequence[Row], shift: float, again: int) -> None:
    """Draw a task; the second of a side, `again` 1, and further ones have open marks and dotted lines."""
    # KL is undefined where patches are hidden, and its values there would leave no room for the others.
    rows = [row for row in rows if not (row["measure"] == "KL" and row["hidden_patches"])]
    if not rows:
        return
    look = SIDES[rows[0]["side"]]
    x = np.array([BINS.index(row["category"]) for row in rows]) + shift
    mean, low, high = (np.array([row[name] for row in rows]) for name in ("mean", "low", "high"))
    panel.errorbar(
        x,
        mean,
        yerr=np.maximum([mean - low, high - mean], 0),  # NaN, under ten units, draws none
        color=look.colour,
        marker=look.marker,
        markerfacecolor="white" if again else look.colour,
        linestyle=_STYLES[again % len(_STYLES)] if again else look.style,
        linewidth=0.9,
        markersize=3,
        capsize=2,
        label=f"{rows[0]['task']} (layer {rows[0]['layer']})",
    )
