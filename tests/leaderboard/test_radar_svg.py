"""A radar is drawn to scale, describes itself, and holds no text that acts as markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from lmms_vg.leaderboard.breakdown import Breakdown, RadarLine
from lmms_vg.leaderboard.radar_svg import radar, style

OWN = RadarLine("this submission", "own", [100.0, 50.0, 0.0, 25.0])
PLAIN = RadarLine("its plain run", "plain", [10.0, 20.0, 30.0, 40.0])
PRINTED = [RadarLine(name, "published", [1.0, 2.0, 3.0, 4.0]) for name in ("A", "B")]
SHOWN = Breakdown("By organ", ["CT", "FP", "MRI", "OCT"], [4, 4, 4, 4], [OWN, PLAIN, *PRINTED])


def polygons(text: str) -> dict[str, list[tuple[float, float]]]:
    found = {}
    for one in ElementTree.fromstring(text).iter("polygon"):
        points = [tuple(map(float, point.split(","))) for point in one.attrib["points"].split()]
        found[one.attrib["class"]] = points
    return found  # type: ignore[return-value]


def test_values_lie_on_their_axes() -> None:
    made = polygons(radar(SHOWN, 1))
    # Up, right, down, left of the middle (250, 160) with a radius of 120.
    assert made["line own own1"] == [(250, 40), (310, 160), (250, 160), (220, 160)]
    assert made["ring"] == [(250, 40), (370, 160), (250, 280), (130, 160)], "the last ring is 100%"
    assert list(made)[-1] == "line own own1", "nothing lies over it"
    assert {style(SHOWN, line) for line in SHOWN.lines} <= set(made)
    assert [style(SHOWN, line) for line in PRINTED] == ["line published published1", "line published published2"]


def test_it_says_what_it_shows() -> None:
    root = ElementTree.fromstring(radar(SHOWN, 7))
    assert root.attrib["role"] == "img"
    named = {one.attrib["id"]: one.text for one in root if "id" in one.attrib}
    assert root.attrib["aria-labelledby"].split() == list(named) == ["radar7-title", "radar7-desc"]
    assert named["radar7-title"] == "By organ"
    assert "this submission: CT 100.0, FP 50.0, MRI 0.0, OCT 25.0." in str(named["radar7-desc"])
    assert [one.text for one in root.iter("text")][:4] == ["CT", "FP", "MRI", "OCT"]


@pytest.mark.parametrize("axes", [3, 5, 12])
def test_labels_keep_to_their_side(axes: int) -> None:
    shown = Breakdown("x", [f"category {n}" for n in range(axes)], [1] * axes, [RadarLine("own", "own", [50.0] * axes)])
    root = ElementTree.fromstring(radar(shown, 1))
    for label in [one for one in root.iter("text") if one.get("class") != "scale"]:
        side = {"start": 1, "middle": 0, "end": -1}[label.attrib["text-anchor"]]
        x = float(label.attrib["x"]) - 250
        assert (x > 1) - (x < -1) == side


def test_names_are_text_and_nothing_has_a_style() -> None:
    evil = '"><script>x()</script><svg onload="x()">' + "long " * 50
    text = radar(Breakdown(evil, [evil] * 3, [1] * 3, [RadarLine(evil, "own", [1.0, 2.0, 3.0])]), 1)
    root = ElementTree.fromstring(text)
    assert {one.tag for one in root.iter()} == {"svg", "title", "desc", "polygon", "line", "text"}
    assert not re.search(r"<script|<svg on|style=", text)
    assert all(len(one.text or "") <= 18 for one in root.iter("text"))
    assert next(root.iter("title")).text == evil
