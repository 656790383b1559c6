"""Correct against grounded, counted by hand, and as the report prints it."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from looks import Look, asked, blind, run_of, seeing
from saved_run import closed, failed, opened, save, spec, tables

from lmms_vg.metrics.statistics import cluster_interval, wilson
from lmms_vg.runs.grounded_answers import crossed, layer_of
from lmms_vg.runs.grounding_changes import layer_changes, look_changes
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.report import report
from lmms_vg.runs.results import Run, TaskRun

MEANS = {"t": {"ar": 1.5, "kl": 1.0, "js": 0.1, "best_layer": 1, "n": 4}}


def looking(line: dict[str, Any], ratio: float, kl: tuple[float, float] = (2.0, 1.0)) -> dict[str, Any]:
    """A line of a task that measures as well; the ratio is that of the second layer, the first has 9 everywhere."""
    item = {"kl": list(kl), "rule": "alignment|v:0"}
    layers = {"ar": [9.0, ratio], "printed_ar": [0.9, ratio / 10]}
    return line | {"ar": item | layers, "kl": item, "js": item | {"js": [0.1, 0.2]}, "best_layer": item}


def part_of(tmp_path: Path, lines: list[dict[str, Any]]) -> TaskRun:
    save(tmp_path, {"t": lines}, means=MEANS)
    return read_run(tmp_path).tasks["t"]


def four() -> list[dict[str, Any]]:
    return [
        looking(closed("q1", 1, organ="Liver", modality="CT"), 2.0),
        looking(closed("q2", 1, organ="Liver", modality="CT"), 0.5),
        looking(closed("q3", 0, organ="Kidney", modality="CT"), 1.0),
        looking(closed("q4", 0, "q3", organ="Kidney", modality="CT"), 1.5),
    ]


def test_four_questions_by_hand(tmp_path: Path) -> None:
    """AR 1 is even attention and not grounded. AUROC: 2.0 beats both wrong ones, .5 neither: 2 of 4."""
    found = crossed(part_of(tmp_path, four()))
    whole = found["all"]["all questions"]
    assert (whole.both, whole.correct, whole.grounded, whole.neither) == (1, 1, 1, 1)
    assert (whole.where_grounded.n, whole.where_grounded.images, whole.where_grounded.mean) == (2, 2, 0.5)
    assert whole.where_grounded.interval == pytest.approx(cluster_interval([1, 0], ["q1", "q3"]))
    assert (whole.elsewhere.n, whole.elsewhere.mean) == (2, 0.5)
    assert whole.auc == 0.5
    assert isnan(whole.interval.low)
    assert found.keys() == {"all", "organ"}, "one modality is no breakdown"
    kidney = found["organ"]["Kidney"]
    assert (kidney.both, kidney.correct, kidney.grounded, kidney.neither) == (0, 0, 1, 1)
    assert isnan(kidney.auc)


def test_cells_of_an_axis_add_up_to_those_of_all(tmp_path: Path) -> None:
    lines = [
        looking(
            closed(f"q{i}", int(i % 3 == 0), f"i{i // 2}", organ="abc"[i % 3], modality="xy"[i % 2]), 0.5 + i % 5 / 3
        )
        for i in range(60)
    ]
    found = crossed(part_of(tmp_path, lines))
    whole = found["all"]["all questions"]
    for axis in ("organ", "modality"):
        cells = [cell[:4] for cell in found[axis].values()]
        assert tuple(map(sum, zip(*cells, strict=True))) == whole[:4]
    assert sum(whole[:4]) == 60
    assert whole.interval.low < whole.auc < whole.interval.high


def test_the_layer_is_that_of_the_lowest_mean_kl_over_all_questions(tmp_path: Path) -> None:
    lines = [looking(closed("q1", 1), 0.5, (1.0, 5.0)), looking(closed("q2", 1), 0.5, (2.0, 1.0))]
    part = part_of(tmp_path, lines)
    assert layer_of(part) == 0
    assert crossed(part)["all"]["all questions"].both == 2, "the first layer has AR 9"


def test_questions_without_a_value_are_left_out(tmp_path: Path) -> None:
    metrics = ("acc", "ci95", "unparseable", "ar", "kl", "js", "best_layer")
    part = part_of(tmp_path, [*four(), failed("q5", *metrics)])
    assert part.looked.keys() == {"q1", "q2", "q3", "q4"}
    assert sum(crossed(part)["all"]["all questions"][:4]) == 4


def test_an_open_answer_is_correct_if_it_has_every_word(tmp_path: Path) -> None:
    part = part_of(tmp_path, [looking(opened("q1", 0.99), 2.0), looking(opened("q2", 1.0), 2.0)])
    whole = crossed(part)["all"]["all questions"]
    assert (whole.both, whole.grounded) == (1, 1)


def test_a_task_without_places_has_no_table(tmp_path: Path) -> None:
    part = part_of(tmp_path, [closed("q1", 1)])
    assert crossed(part) == {}
    assert "grounded" not in report(read_run(tmp_path))


def test_report(tmp_path: Path) -> None:
    save(tmp_path, {"t": four()}, means=MEANS)
    text = report(read_run(tmp_path))
    found = {table[0][0]: table for table in tables(text)}
    head, (name, *cells) = found["t, layer 1"]
    assert head[1:5] == ["correct and grounded", "correct only", "grounded only", "neither"]
    assert name == "all questions"
    assert cells[:4] == ["1", "1", "1", "1"]
    low, high = wilson(0.5, 2)
    assert cells[4:6] == ["0.500", f"{low:.3f} to {high:.3f} (few)"]
    assert cells[8:] == ["0.500", "too few images"]
    kidney, liver = found["t, grounded by organ"][1:]
    assert kidney[:5] + kidney[-2:] == ["Kidney", "0", "0", "1", "1", "-", "-"]
    assert liver[:5] == ["Liver", "1", "1", "0", "0"]
    assert found["where it looked"][1] == ["t", "4", "1.5000", "1.0000", "0.1000", "1"]
    assert "AUROC: how often" in text
    assert "\n- `alignment|v:0`\n" in text


def test_by_size_of_the_place(tmp_path: Path) -> None:
    """Two small places and two large ones; within a size 2.0 beats 1.5 (not compared with 1.0), and .5 loses to 1.0."""
    part = part_of(tmp_path, four())
    found = crossed(part, {"q1": 0.02, "q4": 0.04, "q2": 0.2, "q3": 0.25, "elsewhere": 0.5})
    rows = found["share of the image"]
    assert list(rows) == ["1 to 5%", "10 to 30%", "all, pairs of one size"]
    assert [rows[name].auc for name in rows] == [1.0, 0.0, 0.5]
    assert sum(rows["all, pairs of one size"][:4]) == 4
    assert "share of the image" not in crossed(part, {})


def test_report_knows_sizes_from_the_journal(tmp_path: Path) -> None:
    lines = [looking(closed(f"u/k{i}", i % 2, f"i{i // 2}"), 0.5 + i % 5 / 3) for i in range(40)]
    run = replace(
        run_of(tmp_path / "journal", asked(blind, 40)), tasks={"t": part_of(tmp_path, lines)}, measured=[], means=MEANS
    )
    (table,) = (one for one in tables(report(run)) if one[0][0] == "t, grounded by share of the image")
    assert [row[0] for row in table[1:]] == ["5 to 10%", "10 to 30%", "above 30%", "all, pairs of one size"]
    assert sum(int(cell) for row in table[1:-1] for cell in row[1:5]) == 40


def answered_run(folder: Path, look: Look, method: str = "plain") -> Run:
    """A run whose one task is answered and measured, with its journal."""
    lines = [looking(closed(f"u/k{i}", i % 2, f"image {i // 2}"), 1.5) for i in range(60)]
    made = run_of(folder / "journal", asked(look, 60))
    stated = {**(made.provenance or {}), "method": spec(method)}
    return replace(made, tasks={"t": part_of(folder, lines)}, measured=[], means=MEANS, provenance=stated)


@pytest.mark.slow
def test_questions_with_an_answer_and_a_place_have_an_excess_too(tmp_path: Path) -> None:
    """That the place got more than its share, blind attention has as well: the boxes are in the middle."""
    for name, look, verdict in (("blind", blind, "not shown"), ("seeing", seeing, "shown")):
        (table,) = (
            one for one in tables(report(answered_run(tmp_path / name, look), 0)) if one[0][0] == "against other images"
        )
        place = table[0].index("look")
        assert {row[2]: row[place] for row in table[1:4]} == dict.fromkeys(("log AR", "KL", "JS"), verdict)


def test_where_two_answered_runs_look_is_compared(tmp_path: Path) -> None:
    plain, pai = answered_run(tmp_path / "a", blind), answered_run(tmp_path / "b", seeing, "pai")
    changes, missing = look_changes(plain, [pai])
    assert missing == []
    assert {one.name for one in changes if one.holm < 0.05} == {"log AR", "KL", "JS", "placement"}
    assert {one.n for one in changes} == {60}
    assert len(layer_changes(plain, [pai])) == 8, "four measures in two layers"
