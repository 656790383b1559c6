"""A curve over layers as SVG, with attributes and classes only, so that a strict content policy allows it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from lmms_vg._util.svg import add, stretches
from lmms_vg.leaderboard.layer_curves import LayerCurve
from lmms_vg.submission.validated import Values

_WIDTH, _HEIGHT = 300, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 292, 12, 160
_TICKS = 7  # most labels below the axis of layers


class _Scale(NamedTuple):
    """From layers and values to points."""

    layers: int
    low: float
    high: float

    def x(self, layer: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (layer + 0.5) / self.layers

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)


def curve_svg(curve: LayerCurve, name: str) -> str:
    """Draw a curve with its band, the plain run, chance, and the layer that numbers are taken at; `name` makes ids unique."""
    ids = {kind: f"{name}-{kind}" for kind in ("title", "desc")}
    about = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-labelledby": f"{ids['title']} {ids['desc']}"}
    root = ElementTree.Element("svg", {"class": "curve", **about})
    add(root, "title", curve.title, id=ids["title"])
    add(root, "desc", _said(curve), id=ids["desc"])
    scale = _scale(curve)
    _hidden(root, scale, curve.hidden)
    _axes(root, scale)
    if curve.chance is not None:
        _line(root, "chance", _LEFT, scale.y(curve.chance), _RIGHT, scale.y(curve.chance))
    _band(root, scale, curve)
    for kind, values in (("before", curve.plain), ("after", curve.mean)):
        if values is not None:
            _mean(root, scale, kind, values)
    if isfinite(curve.mean[curve.best]):
        place = {"cx": f"{scale.x(curve.best):.1f}", "cy": f"{scale.y(curve.mean[curve.best]):.1f}"}
        add(root, "circle", **place, r="4", kind="best")
    return ElementTree.tostring(root, encoding="unicode")


def _hidden(root: ElementTree.Element, scale: _Scale, layers: Sequence[int]) -> None:
    """Cover the layers in which patches have no attention."""
    for layer in layers:
        left, width = scale.x(layer - 0.5), scale.x(1) - scale.x(0)
        size = {"x": f"{left:.1f}", "y": f"{_TOP}", "width": f"{width:.1f}", "height": f"{_BOTTOM - _TOP}"}
        add(root, "rect", **size, kind="covered")


def _axes(root: ElementTree.Element, scale: _Scale) -> None:
    """Draw round numbers at the left, and some layers below."""
    for value in _ticks(scale):
        _line(root, "tick", _LEFT, scale.y(value), _RIGHT, scale.y(value))
        add(root, "text", f"{value:g}", x=f"{_LEFT - 4}", y=f"{scale.y(value) + 3:.1f}", **{"text-anchor": "end"})
    for layer in range(0, scale.layers, -(-scale.layers // _TICKS)):
        add(root, "text", str(layer), x=f"{scale.x(layer):.1f}", y=f"{_BOTTOM + 14}", **{"text-anchor": "middle"})
    middle = f"{(_LEFT + _RIGHT) / 2}"
    add(root, "text", "layer", x=middle, y=f"{_HEIGHT - 4}", **{"text-anchor": "middle"})


def _band(root: ElementTree.Element, scale: _Scale, curve: LayerCurve) -> None:
    """Fill the intervals, stretch by stretch."""
    for part in stretches(curve.low, curve.high):
        ends = [(layer, curve.low[layer]) for layer in part] + [(layer, curve.high[layer]) for layer in reversed(part)]
        add(root, "polygon", points=_points(scale, ends), kind="band")


def _mean(root: ElementTree.Element, scale: _Scale, kind: str, values: Values) -> None:
    """Draw a line of means, stretch by stretch."""
    for part in stretches(values):
        add(root, "polyline", points=_points(scale, [(layer, values[layer]) for layer in part]), kind=kind)


def _scale(curve: LayerCurve) -> _Scale:
    shown = np.concatenate([curve.mean, curve.low, curve.high, curve.mean if curve.plain is None else curve.plain])
    shown = np.append(shown[np.isfinite(shown)], [] if curve.chance is None else [curve.chance])
    low, high = (float(end(shown)) for end in (np.min, np.max)) if shown.size else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    return _Scale(len(curve.mean), low - margin, high + margin)


def _ticks(scale: _Scale) -> list[float]:
    """Three to six round numbers on the axis."""
    width = scale.high - scale.low
    unit = 10.0 ** np.floor(np.log10(width))
    step = next(step for step in (0.2 * unit, 0.5 * unit, unit, 2 * unit, 5 * unit) if width / step <= 6)
    first = int(np.ceil(scale.low / step))
    return [round(number * step, 10) + 0.0 for number in range(first, int(np.floor(scale.high / step)) + 1)]


def _said(curve: LayerCurve) -> str:
    means = ", ".join(f"{layer}: {value:.3f}" for layer, value in enumerate(curve.mean) if isfinite(value))
    chance = "" if curve.chance is None else f" Chance is {curve.chance:g}."
    hidden = f" Patches are hidden in layers {', '.join(map(str, curve.hidden))}." if curve.hidden else ""
    return f"Mean of {curve.n} questions per layer. {means}.{chance}{hidden} Numbers are taken at layer {curve.best}."


def _points(scale: _Scale, points: Sequence[tuple[int, float]]) -> str:
    shown = [f"{scale.x(layer):.1f},{scale.y(value):.1f}" for layer, value in points]
    return " ".join(shown if len(shown) > 1 else shown * 2)  # a line of one point is not drawn at all


def _line(root: ElementTree.Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {name: f"{value:.1f}" for name, value in zip(("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)}
    add(root, "line", **ends, kind=kind)
