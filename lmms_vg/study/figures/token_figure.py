"""Attention of different tokens: the last one, those of the question, or all tokens (paper, Figure Q.28).

"All" is every row of the prompt, those of the image among them; the paper does not say what its has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmms_vg.runs.plots.style import MARKERS, PALETTE, save, styled
from lmms_vg.study.curves import LookCurve
from lmms_vg.study.curves import table as table_of
from lmms_vg.study.figures.style import WIDTH, seed_note
from lmms_vg.study.layer_values import MEASURES


def draw(curves: Sequence[LookCurve], folder: Path) -> list[Path]:
    """Draw one figure per model, method and task of which runs measured several selections of tokens, one run or several."""
    values = [curve for curve in curves if curve.quantity == "value"]
    paths = []
    with styled():
        for key in dict.fromkeys(_key(curve) for curve in values):
            own = [curve for curve in values if _key(curve) == key]
            if len({curve.task.rows for curve in own}) > 1:
                model, method, task = key
                figure = _figure(own, f"{model}, {method}, {task}")
                paths += save(figure, folder, f"tokens_{model}_{method}_{task}", table_of(own).rows)
    return paths


def _figure(curves: Sequence[LookCurve], title: str) -> Figure:
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    panels = figure.subplots(1, len(MEASURES))
    selections = list(dict.fromkeys(curve.task.rows for curve in curves))
    for panel, measure in zip(panels, MEASURES, strict=True):
        for curve in curves:
            if curve.measure == measure:
                _line(panel, curve, selections.index(curve.task.rows))
        panel.set_title(measure, loc="left", fontsize=7.5)
        panel.set_xlabel("layer")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(
        f"{title}: attention of which tokens. {seed_note(curve.task.unit for curve in curves)}", fontsize=6.5, wrap=True
    )
    return figure


def _line(panel: Any, curve: LookCurve, number: int) -> None:
    layers, band = np.arange(len(curve.band.mean)), curve.band
    panel.plot(
        layers,
        band.mean,
        color=PALETTE[number],
        marker=MARKERS[number],
        linestyle=("-", "--", "-.")[number % 3],
        markersize=2.5,
        linewidth=1.2,
        label=f"{curve.task.rows} token{'s'[: curve.task.rows != 'last']} (n = {band.n:,})",
    )
    panel.fill_between(layers, band.low, band.high, color=PALETTE[number], alpha=0.18, linewidth=0)


def _key(curve: LookCurve) -> tuple[str, str, str]:
    return curve.task.model, curve.task.run.label, curve.task.task
