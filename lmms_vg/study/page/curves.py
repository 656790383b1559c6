"""Charts over layers as SVG, with attributes and classes only, so that a strict content policy allows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from lmms_vg._util.svg import add, stretches
from lmms_vg.study.page.input import CurveLine, CurvePanel

_WIDTH, _HEIGHT = 460, 290
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_TICKS = 5


class ChartScale(NamedTuple):
    """From layers and values to the picture's units; the ends of `values` are round."""

    layers: int
    values: tuple[float, float]
    step: float

    def x(self, layer: float) -> float:
        """Return where a layer is."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * layer / max(self.layers - 1, 1)

    def y(self, value: float) -> float:
        """Return where a value is."""
        low, high = self.values
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)


def curves(panel: CurvePanel, number: int) -> str:
    """Draw a panel; `number` makes the ids unique within a page."""
    scale = _scale(panel)
    name = f"curves{number}"
    about = {
        "class": "curves",
        "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
        "role": "img",
        "aria-labelledby": f"{name}t {name}d",
    }
    root = ElementTree.Element("svg", about)
    add(root, "title", panel.title, id=f"{name}t")
    add(root, "desc", " ".join(_said(line) for line in panel.lines), id=f"{name}d")
    _axes(root, scale)
    if panel.chance is not None:
        y = f"{scale.y(panel.chance):.1f}"
        add(root, "line", x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=y, y2=y, kind="chance")
    for place, line in enumerate(panel.lines):
        _line(root, scale, line, place)
    return ElementTree.tostring(root, encoding="unicode")


def style(panel: CurvePanel, line: CurveLine) -> str:
    """Return the CSS classes of a line: a colour of its own, and dashes for natural images."""
    return f"c{_place(panel.lines, line) % 6}{' natural' if line.natural else ''}"


def _place(lines: Sequence[CurveLine], line: CurveLine) -> int:
    return next(place for place, other in enumerate(lines) if other is line)


def _scale(panel: CurvePanel) -> ChartScale:
    drawn = [series for line in panel.lines for series in (line.mean, line.low, line.high, line.chance)]
    values = np.concatenate(
        [np.asarray(series, float) for series in (*drawn, [] if panel.chance is None else [panel.chance])]
    )
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    step = _round_step((high - low) or abs(high) or 1.0)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    layers = max((len(line.mean) for line in panel.lines), default=1)
    return ChartScale(layers, (bottom, top if top > bottom else bottom + step), step)


def _round_step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten, about a fifth of the span."""
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999))


def _axes(root: ElementTree.Element, scale: ChartScale) -> None:
    low, high = scale.values
    digits = max(0, -math.floor(math.log10(scale.step)))
    for tick in range(round((high - low) / scale.step) + 1):
        value = low + tick * scale.step
        y = scale.y(value)
        add(root, "line", x1=str(_LEFT), x2=str(_WIDTH - _RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}", kind="grid")
        add(root, "text", f"{value:.{digits}f}", x=str(_LEFT - 6), y=f"{y + 4:.1f}", kind="end")
    for layer in range(0, scale.layers, max(1, math.ceil(scale.layers / 8))):
        add(root, "text", str(layer), x=f"{scale.x(layer):.1f}", y=str(_HEIGHT - _BOTTOM + 17), kind="middle")
    add(root, "text", "layer", x=f"{(_LEFT + _WIDTH - _RIGHT) / 2:.1f}", y=str(_HEIGHT - 6), kind="middle")


def _line(root: ElementTree.Element, scale: ChartScale, line: CurveLine, place: int) -> None:
    kind = f"c{place % 6}{' natural' if line.natural else ''}"
    for run in stretches(line.low, line.high):
        there = [*((layer, line.high[layer]) for layer in run), *((layer, line.low[layer]) for layer in reversed(run))]
        add(root, "polygon", points=_points(scale, there), kind=f"band {kind}")
    for values, style_name in ((line.chance, f"own-chance {kind}"), (line.mean, f"curve {kind}")):
        for run in stretches(values):
            add(root, "polyline", points=_points(scale, [(layer, values[layer]) for layer in run]), kind=style_name)
    for layer in map(int, np.flatnonzero(np.isfinite(line.mean))):
        x, y = scale.x(layer), scale.y(line.mean[layer])
        if layer in line.hidden:
            add(root, "path", d=f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8", kind=f"cross {kind}")
        if layer in line.marked:
            add(root, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5", kind=f"mark {kind}")


def _points(scale: ChartScale, there: Sequence[tuple[int, float]]) -> str:
    return " ".join(f"{scale.x(layer):.1f},{scale.y(value):.1f}" for layer, value in there)


def _said(line: CurveLine) -> str:
    known = [(layer, value) for layer, value in enumerate(line.mean) if np.isfinite(value)]
    if not known:
        return f"{line.name}: no values."
    (low_layer, low), (high_layer, high) = (end(known, key=lambda pair: pair[1]) for end in (min, max))
    return f"{line.name}: from {low:.2f} in layer {low_layer} to {high:.2f} in layer {high_layer}."
