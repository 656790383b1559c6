"""Columns of where models look: how they are pooled, when they are ranked, and what a knockout hides."""

from __future__ import annotations

from typing import Any

import pytest
from entries import entry
from shown_tables import FOUR, cell, ids, said, table

from lmms_vg.leaderboard.table_model import CellView, Rank
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.submission.validated import Entry

LOOKS = {"kl": 2.0, "js": 0.25, "best_layer": 16.0}


def measured(id: str, scores: dict[str, list[float]], **metrics: dict[str, float]) -> Entry:
    return entry(id, scores, protocol=None, metrics={task: LOOKS | metrics.get(task, {}) for task in scores})


def test_where_models_look_is_pooled_over_both_kinds_of_questions() -> None:
    scores = {"vgmed_localization": [1.0, 2.0, 3.0], "vgmed_attribute": [6.0]}
    coco = {"vgmed_coco_localization": [8.0, 8.0], "vgmed_coco_attribute": [4.0, 4.0]}
    looks: dict[str, dict[str, float]] = {
        "vgmed_attribute": {"kl": 4.0, "js": 0.45, "best_layer": 18.0},
        "vgmed_coco_localization": {"kl": 1.5},
        "vgmed_coco_attribute": {"kl": 1.0},
    }
    one = table("grounding", measured("a", scores | coco, **looks))
    cells = zip(one.columns, one.measured[0].cells, strict=True)
    shown = {column.title: cell.text for column, cell in cells if cell.text}
    expected = {"medical AR": "3.00", "medical KL": "2.500", "medical JS": "0.300", "medical best layer": "16, 18"}
    expected |= {"COCO AR": "6.00", "COCO KL": "1.250", "COCO JS": "0.250", "COCO best layer": "16"}
    assert shown == expected | {"gap AR": "3.00", "gap KL": "1.250", "gap JS": "0.050"}
    assert cell(one, "a", "medical best layer").value is None
    assert cell(one, "a", "COCO best layer").value == 16
    assert cell(one, "a", "medical AR").rank == Rank(1, 1, 1)
    assert cell(one, "a", "medical AR").low is not None
    medical = cell(one, "a", "medical KL")
    assert medical.low is not None
    assert (medical.low < 2.5 < (medical.high or 0), medical.rank) == (True, Rank(1, 1, 1))
    assert cell(one, "a", "medical KL").rule == "alignment|geometry:true|rows:last"
    assert (cell(one, "a", "gap AR").rank, cell(one, "a", "gap AR").n) == (None, 8)


def test_a_gap_is_of_the_kinds_of_questions_that_both_sides_have() -> None:
    scores = {"vgmed_localization": [1.0, 2.0], "vgmed_attribute": [6.0], "vgmed_coco_localization": [5.0, 6.0]}
    one = table("grounding", measured("a", scores), measured("b", {"vgmed_attribute": [1.0]}))
    assert cell(one, "a", "gap AR").value == 4
    assert cell(one, "b", "gap AR") == CellView("")
    assert (
        "Measured on other tasks: a in gap AR, gap KL, gap JS (vgmed_coco_localization, vgmed_localization)"
        in one.notes
    )
    assert said(one, "Not ranked: b in medical AR, medical KL, medical JS (other tasks)")


def test_attention_measured_otherwise_is_not_ranked() -> None:
    rules = {"vgmed_attribute": "alignment|geometry:stretch|rows:last"}
    rows = [
        entry(id, {"vgmed_attribute": row}, protocol=None, weights=id)
        for id, row in {"b": [1.0, 2.0], "c": [2.0, 1.0]}.items()
    ]
    one = table("grounding", *rows, entry("a", {"vgmed_attribute": [9.0, 9.5]}, protocol=None, rules=rules))
    assert cell(one, "a", "medical AR").rank is None
    assert "Not ranked: a in medical AR (another rule)" in one.notes
    assert said(one, "medical AR is scored by several rules")
    assert ids(one.measured) == ["b", "c", "a"], "below what has a rank, however high its value"


def test_zero_has_no_sign() -> None:
    coco = {"vgmed_attribute": [1.0], "vgmed_coco_attribute": [1.0 - 1e-9]}
    assert cell(table("grounding", measured("a", coco)), "a", "gap AR").text == "0.00"


# what is left of a look after a blind one


def looking(id: str, excess: list[float], hidden: bool = False, recomputed: bool = True, **more: Any) -> Entry:
    """AR 1 to n on vgmed_attribute; excess of AR, KL and JS, and placement."""
    task, n = "vgmed_attribute", len(excess)
    rows = {"excess_js": excess, "placement": [0.5 - value for value in excess]}
    rows |= (
        {} if hidden else {"excess_ar": [-2 * value for value in excess], "excess_kl": [3 * value for value in excess]}
    )
    rows |= {"kl": [2.0 + value for value in excess]}
    made = entry(id, {task: [1.0 + i for i in range(n)]}, further={task: rows}, **more)
    unjudged = {"excess_ar": "hidden", "excess_kl": "hidden"} if hidden else {}
    made.scores[task] = made.scores[task]._replace(recomputed=recomputed, unjudged=unjudged)
    return made


def test_excess_and_placement_have_values_intervals_and_ranks() -> None:
    excess = [-0.4, -0.2, 0.0, -0.2, -0.1, -0.3] * 5
    one = table("grounding", looking("a", excess), looking("b", [0.0, 0.1, -0.1] * 10, weights="other"))
    expected = {"medical excess AR": "0.400", "medical excess KL": "-0.600", "medical excess JS": "-0.200"}
    for title, text in (expected | {"medical placement": "0.700"}).items():
        found = cell(one, "a", title)
        assert found.text == text
        assert found.n == 30
        assert found.rank == Rank(1, 1, 2), "lower is better of KL and JS"
        assert cell(one, "b", title).rank == Rank(2, 2, 2)
    low, high = cluster_interval(excess, [f"{i}" for i in range(30)])
    found = cell(one, "a", "medical excess JS")
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert ids(one.measured) == ["a", "b"]
    assert one.columns[one.ranked].title == "medical excess JS"


def test_a_hidden_layer_has_no_verdict_on_kl_and_ar() -> None:
    one = table("grounding", looking("a", [-0.2] * 12, hidden=True), looking("b", [-0.1] * 12, weights="other"))
    for title in ("medical excess AR", "medical excess KL"):
        assert cell(one, "a", title) == CellView("hidden")
        assert cell(one, "b", title).rank == Rank(1, 1, 1)
    assert cell(one, "a", "medical excess JS").text == "-0.200"
    assert cell(one, "a", "medical KL").rank is None, "the value stays, without a verdict"
    assert said(one, "Not ranked: a in medical KL (patches are hidden in its layer")
    assert one.columns[one.ranked].title == "medical excess JS"


def test_rows_whose_kl_is_spoiled_take_nobodys_place() -> None:
    """Knocked-out patches in boxes give any KL, here the best and the worst; the others rank as they do without them."""
    seeing = [-0.3, -0.2, -0.1, -0.2] * 6
    rows = [looking("b", seeing, weights="b"), looking("c", [-value for value in seeing], weights="c")]
    spoiled = [
        looking("a", [-9.0 + value for value in seeing], hidden=True, weights="a"),
        looking("d", [9.0 + value for value in seeing], hidden=True, weights="d"),
    ]
    alone, among = table("grounding", *rows), table("grounding", *rows, *spoiled)
    for id, place in (("b", 1), ("c", 2)):
        assert cell(among, id, "medical KL").rank == cell(alone, id, "medical KL").rank == Rank(place, place, 2)
        assert cell(among, id, "medical excess JS").rank != cell(alone, id, "medical excess JS").rank, (
            "JS speaks for all four"
        )
    assert {cell(among, id, "medical KL").rank for id in "ad"} == {None}


def test_a_row_says_whether_its_grounding_was_recomputed() -> None:
    rows = [looking("a", [-0.2] * 12), looking("b", [-0.1] * 12, recomputed=False, weights="other")]
    said = {row.entry: row.grounding for row in table("grounding", *rows).measured}
    assert said == {"a": "grounding recomputed", "b": "grounding not recomputed"}
    assert {row.grounding for row in table("table1", entry("c", FOUR)).measured} == {""}
