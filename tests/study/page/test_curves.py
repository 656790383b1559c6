"""Charts as SVG: where lines are, what is marked, and nothing a policy or a text could break."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from lmms_vg.study.page.curves import curves, style
from lmms_vg.study.page.input import CurveLine, CurvePanel, PageTable
from lmms_vg.study.page.tables import cells, numeric

NONE = np.full(3, np.nan)


def line(mean: list[float], **given: Any) -> CurveLine:
    values = np.array(mean, float)
    return CurveLine("a", False, values, values - 1, values + 1, NONE)._replace(**given)


def drawn(*lines: CurveLine, chance: float | None = 0.0) -> ElementTree.Element:
    return ElementTree.fromstring(curves(CurvePanel("t", "b", lines, chance, "c"), 1))


def points(root: ElementTree.Element, kind: str) -> list[list[list[float]]]:
    found = [one for one in root if one.get("class", "").partition(" ")[0] == kind]
    return [[[float(value) for value in point.split(",")] for point in one.get("points", "").split()] for one in found]


def test_points_lie_on_the_scale_of_the_labels() -> None:
    root = drawn(line([0, 2, 4]))
    labels = {float(one.text or ""): float(one.get("y", "")) - 4 for one in root if one.get("class") == "end"}
    assert min(labels) <= -1
    assert max(labels) >= 5
    (curve,) = points(root, "curve")
    assert [y for _, y in curve] == pytest.approx([labels[value] for value in (0, 2, 4)], abs=0.1)
    layers = {one.text: float(one.get("x", "")) for one in root if one.get("class") == "middle"}
    assert [x for x, _ in curve] == pytest.approx([layers[name] for name in "012"], abs=0.1)
    (chance,) = (one for one in root if one.get("class") == "chance")
    assert float(chance.get("y1", "")) == pytest.approx(labels[0], abs=0.1)
    (band,) = points(root, "band")
    assert len(band) == 6


def test_missing_layers_split_a_line_and_no_values_draw_none() -> None:
    assert [len(run) for run in points(drawn(line([0, 1, float("nan")])), "curve")] == [2]
    assert [len(run) for run in points(drawn(line([0, float("nan"), 1])), "curve")] == [1, 1]
    assert points(drawn(line([float("nan")] * 3)), "curve") == []
    assert points(drawn(line([5.0])), "curve") != [], "one layer"
    assert points(drawn(line([0, 0, 0], low=np.zeros(3), high=np.zeros(3))), "curve") != [], "a flat line"


def test_marks_crosses_and_own_chance() -> None:
    root = drawn(line([0, 1, 2], marked=[1], hidden=[0, 2], chance=np.array([0.5, 0.5, 0.5])), chance=None)
    kinds = [one.get("class", "").split()[0] for one in root if one.get("class")]
    assert (kinds.count("mark"), kinds.count("cross"), kinds.count("own-chance"), kinds.count("chance")) == (1, 2, 1, 0)


def test_lines_differ_in_colour_and_natural_images_in_dashes() -> None:
    lines = [line([1, 2, 3]), line([1, 2, 3], natural=True)]
    panel = CurvePanel("t", "b", lines, 0.0, "c")
    assert [style(panel, one) for one in lines] == ["c0", "c1 natural"]


def test_texts_are_escaped_and_there_is_no_style_attribute() -> None:
    text = curves(CurvePanel("<b>&", "b", [line([1, 2, 3], name="</svg><script>")], 0.0, "c"), 1)
    assert "<script" not in text
    assert "style=" not in text
    assert ElementTree.fromstring(text).findtext("title") == "<b>&"


def test_cells_are_printed_and_sorted_by_what_they_are() -> None:
    assert [tuple(cell) for cell in cells(["x", 1200, 0.12345, None, float("nan")])] == [
        ("x", "", False),
        ("1,200", "1200", True),
        ("0.123", "0.12345", True),
        ("–", "", True),
        ("–", "", True),
    ]
    table = PageTable("t", "", ["a", "b"], [["x", 1], ["y", None]])
    assert (numeric(table, 0), numeric(table, 1), numeric(PageTable("t", "", ["a"], []), 0)) == (False, True, False)
