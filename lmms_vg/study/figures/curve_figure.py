"""AR, KL and JS by layer, medical and natural images, with what a blind look has (paper, Figures 3, Q.25 and Q.26)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lmms_vg.runs.plots.style import save, styled
from lmms_vg.runs.units import plural
from lmms_vg.study.curves import LookCurve
from lmms_vg.study.curves import table as table_of
from lmms_vg.study.figures.style import SIDES, WIDTH, seed_note, wrapped
from lmms_vg.study.layer_values import BETTER, MEASURES, Measure

_TITLES: dict[Measure, str] = {"AR": "AR", "KL": "KL (nats)", "JS": "JS (nats)", "placement": "placement"}
_SAID = {
    "curves": "values; dotted: even attention; thin dashes: maps of other images on the same boxes; star: lowest KL; "
    "hatched: patches are hidden, so there is no KL",
    "excess": "excess over maps of other images on the same boxes; 0: a blind look; hatched: patches are hidden",
}
_ARROW = {1: "higher is better", -1: "lower is better"}


def draw(curves: Sequence[LookCurve], folder: Path) -> list[Path]:
    """Draw two figures per kind of question: values beside their chance lines, and the excess over other images."""
    paths = []
    kinds = list(dict.fromkeys(curve.task.kind for curve in curves))
    for kind in kinds:
        of_kind = [curve for curve in curves if curve.task.kind == kind]
        for name, quantities in (("curves", ("value", "even", "level")), ("excess", ("excess",))):
            shown = [curve for curve in of_kind if curve.quantity in quantities]
            if any(curve.quantity == quantities[0] for curve in shown):
                with styled():
                    figure = _figure(shown, kind, name)
                    paths += save(figure, folder, f"{name}_{kind}", table_of(shown).rows)
    return paths


def _figure(curves: Sequence[LookCurve], kind: str, name: str) -> Figure:
    rows: dict[tuple[str, str], list[LookCurve]] = defaultdict(list)
    for curve in curves:
        rows[curve.task.model, curve.task.method].append(curve)
    measures = [measure for measure in MEASURES if any(curve.measure == measure for curve in curves)]
    figure = Figure(figsize=(WIDTH, 1.0 + 1.65 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(measures), squeeze=False, sharex="row")
    for line, (label, of_row) in zip(panels, rows.items(), strict=True):
        for panel, measure in zip(line, measures, strict=True):
            _panel(panel, [curve for curve in of_row if curve.measure == measure], name)
            panel.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
        line[0].set_ylabel("\n".join(wrapped(part) for part in label), fontsize=6.5)
    for panel, measure in zip(panels[0], measures, strict=True):
        sign = " excess" if name == "excess" else ""
        title = f"log AR{sign}" if sign and measure == "AR" else f"{_TITLES[measure]}{sign}"
        panel.set_title(f"{title}\n{_ARROW[BETTER[measure]]}", loc="left", fontsize=7.5)
    for panel in panels[-1]:
        panel.set_xlabel("layer")
    handles, labels = _legend(panels)
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle(f"{kind}: {_SAID[name]}. {seed_note(curve.task.unit for curve in curves)}", fontsize=6.5, wrap=True)
    return figure


def _panel(panel: Any, curves: Sequence[LookCurve], name: str) -> None:
    if name == "excess":
        panel.axhline(0, color="black", linestyle=":", linewidth=0.8)
    for curve in curves:
        look, band = SIDES[curve.task.side], curve.band
        layers = np.arange(len(band.mean))
        # KL is undefined where patches are hidden, and its values there would leave no room for the others.
        hidden = curve.task.hides & (curve.measure == "KL")
        mean, low, high = (np.where(hidden, np.nan, end) for end in (band.mean, band.low, band.high))
        if curve.quantity == "even":
            panel.plot(layers, band.mean, color=look.colour, linestyle=":", linewidth=0.9)
        elif curve.quantity == "level":
            panel.plot(layers, mean, color=look.colour, linestyle=(0, (6, 2)), linewidth=0.6)
        else:
            units = curve.task.unit if band.images == 1 else plural(curve.task.unit)
            label = (
                f"{curve.task.side} (n = {band.n:,}, {band.images:,} {units})" if curve.measure == MEASURES[0] else None
            )
            panel.plot(
                layers,
                mean,
                color=look.colour,
                linestyle=look.style,
                marker=look.marker,
                markersize=2.5 if len(layers) < 40 else 1.5,
                linewidth=1.2,
                label=label,
            )
            panel.fill_between(layers, low, high, color=look.colour, alpha=0.18, linewidth=0)
            if curve.measure == "KL" and curve.quantity == "value":
                best = int(np.nanargmin(mean)) if np.isfinite(mean).any() else 0
                panel.plot(
                    best,
                    mean[best],
                    marker="*",
                    markersize=9,
                    color=look.colour,
                    markeredgecolor="white",
                    markeredgewidth=0.5,
                    zorder=5,
                )
    _hatch(panel, curves)


def _hatch(panel: Any, curves: Sequence[LookCurve]) -> None:
    """Hatch the layers where patches are hidden: KL is undefined there."""
    hidden = np.any([curve.task.hides for curve in curves], axis=0) if curves else np.zeros(0, bool)
    for layer in np.flatnonzero(hidden):
        panel.axvspan(layer - 0.5, layer + 0.5, facecolor="none", edgecolor="#999999", hatch="////", linewidth=0)


def _legend(panels: Any) -> tuple[list[Any], list[str]]:
    handles: dict[str, Any] = {}
    for panel in panels.ravel():
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    return list(handles.values()), list(handles)
