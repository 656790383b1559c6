"""What somebody might submit to rise, to push others down, or to break the page for everyone."""

from __future__ import annotations

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.table_model import CellView, Rank, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.leaderboard.vs_plain_columns import DISPUTED, NO_PLAIN
from lmms_vg.submission.validated import Entry

TASK = "vqa_rad_closed"
RIGHT, HALF, WRONG = [1.0] * 40, [1.0, 0.0] * 20, [0.0] * 40


def table(key: str, *entries: Entry) -> TableView:
    return next(one for one in tables(entries, "vgrefine") if one.key == key)


def cell(of: TableView, id: str, column: str) -> CellView:
    number = [one.title for one in of.columns].index(column)
    return next(row.cells[number] for row in of.measured if row.entry == id)


def unverified(one: Entry) -> Entry:
    return Entry(one.id, one.manifest, {task: scores._replace(verified=False) for task, scores in one.scores.items()})


def test_questions_that_nobody_compared_stand_below_and_are_marked() -> None:
    honest = entry("honest", {TASK: HALF}, weights="1")
    made_up = [
        unverified(entry(f"a{n}", {TASK: RIGHT}, weights=f"x{n}", questions={TASK: "made up"})) for n in range(3)
    ]
    one = table("table1", honest, *made_up)
    assert cell(one, "honest", "VQA-RAD").rank == Rank(1, 1, 1)
    assert [row.entry for row in one.measured] == ["honest", "a0", "a1", "a2"]
    shown = cell(one, "a0", "VQA-RAD")
    assert shown._replace(low=None) == CellView("100.0 †", 100.0, None, 100.0, 40, None, "closed|rule:made-up|v:0")
    assert cell(one, "honest", "VQA-RAD").text == "50.0"
    assert any(note.startswith("† ") for note in one.notes)
    assert any("a0 in VQA-RAD (its questions were not compared" in note for note in one.notes)
    alone = table("table1", *made_up)
    assert cell(alone, "a0", "VQA-RAD").rank == Rank(1, 3, 3), "among themselves"


def test_many_rows_of_one_model_are_one() -> None:
    """Three bundles on questions of their own do not outvote two honest ones."""
    honest = [entry(f"honest{n}", {TASK: row}, weights=str(n)) for n, row in enumerate((HALF, HALF[::-1]))]
    many = [entry(f"a{n}", {TASK: RIGHT}, weights="x", questions={TASK: "other"}) for n in range(3)]
    one = table("table1", *many, *honest)
    assert [cell(one, id, "VQA-RAD").rank for id in ("honest0", "honest1", "a0")] == [
        Rank(1, 2, 2),
        Rank(1, 2, 2),
        None,
    ]


def test_a_strangers_plain_run_does_not_take_the_place_of_ones_own() -> None:
    own = entry("z-plain", {TASK: HALF}, name="Mine")
    method = entry("z-method", {TASK: RIGHT}, name="Mine", method=spec("vgrefine", k=5))
    stranger = entry("a", {TASK: WRONG}, name="Not mine")
    one = table("tableF4", own, method, stranger)
    assert cell(one, "z-method", "difference").value == pytest.approx(50)


def test_plain_runs_that_differ_are_not_believed() -> None:
    method = entry("method", {TASK: RIGHT}, name="Mine", method=spec("vgrefine", k=5))
    first, second = entry("a", {TASK: HALF}), entry("b", {TASK: WRONG})
    one = table("tableF4", method, first, second)
    assert cell(one, "method", "difference").text == DISPUTED
    assert any("method has none" in note and "a, b" in note for note in one.notes)
    same = table("tableF4", method, first, entry("b", {TASK: HALF}))
    assert cell(same, "method", "difference").value == pytest.approx(50)
    assert cell(table("tableF4", method), "method", "difference").text == NO_PLAIN


def test_what_else_differs_from_the_plain_run_is_said() -> None:
    method = entry("m", {TASK: RIGHT}, method=spec("pai"), code="new", versions={"torch": "9"})
    one = table("tableF4", entry("p", {TASK: HALF}, code="old"), method)
    assert "Differs too: versions, code of m and its plain run p" in one.notes
    same = table("tableF4", entry("p", {TASK: HALF}), entry("m", {TASK: RIGHT}, method=spec("pai")))
    assert not [note for note in same.notes if note.startswith("Differs too")]
