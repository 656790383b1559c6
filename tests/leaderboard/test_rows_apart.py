"""Rows that are not ranked beside others: folded settings, oracles, controls, chance, and methods below their plain run."""

from __future__ import annotations

import pytest
from entries import entry
from saved_run import spec
from shown_tables import FOUR, THREE, bases, cell, ids, said, table

from lmms_vg.leaderboard.chance_rows import Chance
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.leaderboard.table_model import CellView, Rank
from lmms_vg.leaderboard.tables import tables
from lmms_vg.metrics.chance import Blind


def test_folded_rows_stand_under_the_row_that_is_ranked_for_them() -> None:
    """Even if their numbers are higher."""
    rows = [
        entry("top", {"pmc_vqa": [1, 1, 1, 1]}, weights="top"),
        entry("first", {"pmc_vqa": [1, 0, 0, 0]}, method=spec("pai", alpha=0.1), arrival=1),
        entry("z", {"pmc_vqa": [0, 0, 0, 0]}, weights="z"),
        entry("high", {"pmc_vqa": [1, 1, 1, 0]}, method=spec("pai", alpha=0.2), arrival=2),
        entry("low", {"pmc_vqa": [0, 0, 0, 0]}, method=spec("pai", alpha=0.3), arrival=3),
    ]
    one = table("table1", *rows)
    assert ids(one.measured) == ["top", "first", "high", "low", "z"]
    assert [(row.under, row.settings) for row in one.measured] == [
        ("", 1),
        ("", 3),
        ("first", 3),
        ("first", 3),
        ("", 1),
    ]
    assert [cell(one, id, "PMC-VQA").rank is None for id in ids(one.measured)] == [False, False, True, True, False]


def test_oracles_and_controls_stand_apart() -> None:
    rows = [
        entry(name, FOUR, method=spec(name))
        for name in ("plain", "vgrefine", "random_mask", "inverse_mask", "oracle_mask")
    ]
    for key in ("table1", "tableF4"):
        one = table(key, *rows)
        assert sorted(ids(one.measured)) == ["plain", "vgrefine"]
        assert {row.entry: row.role for row in one.unranked} == {
            "random_mask": "control",
            "inverse_mask": "control",
            "oracle_mask": "oracle",
        }
        assert {row.cells[0].rank for row in one.unranked} == {None}
    assert {row.cells[5].text for row in one.unranked} == {"+0.00"}, "compared with plain as the others are"


def test_a_control_of_the_questions_stands_apart_and_is_nobody_s_baseline() -> None:
    blank = [entry(f"{name}-blank", FOUR, method=spec(name), control="blank_image") for name in ("plain", "vgrefine")]
    one = table(
        "table1", *blank, entry("plain", FOUR, method=spec("plain")), entry("vgrefine", FOUR, method=spec("vgrefine"))
    )
    assert sorted(ids(one.measured)) == ["plain", "vgrefine"]
    assert {(row.method, row.role) for row in one.unranked} == {
        ("plain, blank_image", "control"),
        ("vgrefine, blank_image", "control"),
    }
    assert {row.cells[0].rank for row in one.unranked} == {None}
    assert {row.cells[0].rank is None for row in one.measured} == {False}
    assert plain_runs(blank) == {}


def blind(right: int, n: int) -> Blind:
    return Blind(right, n, "yes", n)


def test_chance_stands_apart_where_it_is_known() -> None:
    always = Chance("always yes", {"vqa_rad_closed": blind(580, 1297), "pmc_vqa": blind(500, 2000)})
    both = Chance("the commonest answer", {task: blind(number, 100) for number, task in enumerate(FOUR)})
    made = {one.key: one for one in tables([entry("a", FOUR)], "vgrefine", chance=[always, both])}
    rows = made["table1"].unranked
    assert [(row.name, row.role, row.entry) for row in rows] == [
        ("always yes", "chance", ""),
        ("the commonest answer", "chance", ""),
    ]
    assert [cell.text for cell in rows[0].cells] == ["44.7", "", "", "25.0", ""]
    assert [cell.text for cell in rows[1].cells] == ["0.0", "1.0", "2.0", "3.0", "1.5"]
    assert (rows[1].cells[4].n, rows[1].cells[4].low) == (400, None)
    assert not made["table2"].unranked


def test_methods_stand_below_their_plain_run() -> None:
    other = [
        entry("other-pai", THREE, method=spec("pai"), name="A", weights="other"),
        entry("other-plain", THREE, name="A", weights="other"),
    ]
    one = table("tableF4", *bases(), *other, entry("lonely", FOUR, name="C", weights="third"))
    assert ids(one.measured) == ["other-plain", "other-pai", "plain", "vgrefine", "pai"]
    assert [column.title for column in one.columns][4:] == [
        "Avg.",
        "difference",
        "better",
        "worse",
        "p",
        "m",
        "p (Holm)",
    ]
    assert [cell.text for cell in one.measured[2].cells[5:]] == [""] * 6
    assert [cell.text for cell in one.measured[3].cells[5:8]] == ["+10.00", "1", "0"]
    assert [cell.text for cell in one.measured[4].cells[5:8]] == ["-10.00", "0", "1"]
    assert [cell.text for cell in one.measured[1].cells[5:]] == ["+0.00", "0", "0", "1.0000", "1", "1.0000"], (
        "without Avg.: three sets"
    )
    assert cell(one, "other-pai", "difference").n == 9
    assert cell(one, "vgrefine", "difference").low is None, "a single image differs"
    assert said(one, "fewer than 10 images, or patients")
    assert cell(one, "vgrefine", "p (Holm)").value == pytest.approx(
        float(cell(one, "vgrefine", "p (Holm)").text), abs=1e-4
    )
    assert "Difference: other-pai over VQA-RAD, SLAKE, PathVQA only" in one.notes


def test_no_plain_run_is_said() -> None:
    one = table("tableF4", *bases(), entry("bf16", FOUR, method=spec("pai"), dtype="bfloat16"))
    assert cell(one, "bf16", "difference") == CellView("no plain run")
    assert cell(one, "bf16", "p (Holm)") == CellView("")
    assert cell(one, "bf16", "Avg.").text == "50.0"


def test_ranks_are_among_the_rows_that_are_shown() -> None:
    wrong = [[float(number != other) for number in range(9)] for other in range(3)]
    good = [entry(f"good-{n}", dict.fromkeys(FOUR, row), name="C", weights=str(n)) for n, row in enumerate(wrong)]
    rows = [entry("m", {task: [0.0] * 9 for task in FOUR}, method=spec("pai"))]
    assert cell(table("table1", *good, *rows), "m", "Avg.").rank == Rank(4, 4, 4)
    assert cell(table("tableF4", *good, *rows), "m", "Avg.").rank == Rank(1, 1, 1)


def test_methods_on_large_models_stand_there_too() -> None:
    assert ids(table("tableF4", *bases(parameters=34)).measured) == ["plain", "vgrefine", "pai"]


def test_which_plain_run_is_said_where_there_are_several() -> None:
    one = table("tableF4", *bases(), entry("plain-2", FOUR))
    assert said(one, "Difference: ") == ["Difference: vgrefine against plain", "Difference: pai against plain"]
    assert said(table("tableF4", *bases()), "Difference: ") == []
