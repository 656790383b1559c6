"""A breakdown as a radar chart in SVG, with attributes and classes only, so that a strict content policy allows it."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin
from xml.etree import ElementTree

from lmms_vg._util.svg import add
from lmms_vg.leaderboard.breakdown import Breakdown, RadarLine

_WIDTH, _HEIGHT, _RADIUS = 500, 320, 120
_RINGS = (25, 50, 75, 100)
_LABEL = 18  # characters at a spoke's end; the table beside it has the full name
_ON_TOP = ("published", "plain", "own")


def radar(shown: Breakdown, number: int) -> str:
    """Draw from 0% in the middle to 100% at the rim; `number` makes the ids unique within a page."""
    title, desc = f"radar{number}-title", f"radar{number}-desc"
    about = {
        "class": "radar",
        "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
        "role": "img",
        "aria-labelledby": f"{title} {desc}",
    }
    root = ElementTree.Element("svg", about)
    add(root, "title", shown.title, id=title)
    add(root, "desc", f"Accuracy in %. {' '.join(_said(shown, line) for line in shown.lines)}", id=desc)
    axes = len(shown.categories)
    for ring in _RINGS:
        add(root, "polygon", points=_points([ring] * axes), kind="ring")
    for place, category in enumerate(shown.categories):
        (x1, y1), (x2, y2), (x, y) = (_at(place, axes, value) for value in (0, 100, 110))
        ends = {name: f"{value:.1f}" for name, value in zip(("x1", "y1", "x2", "y2"), (x1, y1, x2, y2), strict=True)}
        add(root, "line", **ends, kind="spoke")
        anchor = "middle" if abs(x - x1) < 1 else "start" if x > x1 else "end"
        text = category if len(category) <= _LABEL else f"{category[: _LABEL - 1]}…"
        add(root, "text", text, x=f"{x:.1f}", y=f"{y + 4:.1f}", **{"text-anchor": anchor})
    for line in sorted(shown.lines, key=lambda line: _ON_TOP.index(line.kind)):
        add(root, "polygon", points=_points(line.values), kind=style(shown, line))
    for ring in _RINGS:
        x, y = _at(0, axes, ring)
        add(root, "text", str(ring), x=f"{x + 3:.1f}", y=f"{y + 9:.1f}", kind="scale")
    return ElementTree.tostring(root, encoding="unicode")


def style(shown: Breakdown, line: RadarLine) -> str:
    """Return the CSS classes of a line; published lines are told apart by their number."""
    alike = [candidate for candidate in shown.lines if candidate.kind == line.kind]
    return f"line {line.kind} {line.kind}{alike.index(line) + 1}"


def _said(shown: Breakdown, line: RadarLine) -> str:
    numbers = ", ".join(f"{name} {value:.1f}" for name, value in zip(shown.categories, line.values, strict=True))
    return f"{line.name}: {numbers}."


def _points(values: Sequence[float]) -> str:
    places = (_at(place, len(values), value) for place, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _at(place: int, axes: int, value: float) -> tuple[float, float]:
    """Return the point of a value on an axis; the first axis points up, the others follow clockwise."""
    angle, length = 2 * pi * place / axes, _RADIUS * value / 100
    return _WIDTH / 2 + length * sin(angle), _HEIGHT / 2 - length * cos(angle)
