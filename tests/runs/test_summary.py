"""The summary of a run: its numbers are those of the scores, it fits twelve lines, and it says what is left out."""

from __future__ import annotations

from math import nan
from pathlib import Path

import pytest
from looks import asked, blind, run_of, seeing
from saved_run import IDENTITY, closed, save, spec

from lmms_vg.runs.grounding import LookStrength
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run
from lmms_vg.runs.summary import LINES, WIDTH, Effort, _chance, summary

EFFORT = Effort(80, 20, {}, 300.0, {"load": 10.0, "decode": 30.0}, 12.0, 2_500_000_000)


def saved(out: Path, tasks: int = 1, method: str = "plain", right: int = 30, **options: object) -> Run:
    """A run of tasks with 40 questions about 40 images each, of which so many are right."""
    lines = {
        f"a_task_with_a_long_name_{n}": [closed(f"{n}/{i}", int(i < right)) for i in range(40)] for n in range(tasks)
    }
    save(out, lines, run=IDENTITY | {"method": spec(method)}, **options)
    return read_run(out)


def test_scores_and_what_was_asked(tmp_path: Path) -> None:
    text = summary({"plain": saved(tmp_path)}, EFFORT, Path("out"), ["lmms-vg report out"])
    assert text[0].startswith("huatuo demo: % [95% interval]")
    assert text[1].split() == ["n", "plain"]
    name, metric, n, score, *_ = text[2].split()
    assert (name, metric, n, score) == ("a_task_with_a_long_name_0", "acc", "40", "75.0")
    assert "asked 80, from journal 20, failed 0" in text
    assert "time 5 min, of it answering 40 s (decode 75%, load 25%), scoring 12 s; 2.5 GB" in text
    assert text[-2:] == ["results: out", "next: lmms-vg report out"]


def test_a_group_counts_every_question_and_stands_above_its_tasks(tmp_path: Path) -> None:
    tasks = {"one": [closed(f"1/{i}", 1) for i in range(30)], "two": [closed(f"2/{i}", 0) for i in range(10)]}
    save(tmp_path, tasks, groups={"both": ["one", "two"]}, run=IDENTITY)
    lines = summary({"plain": read_run(tmp_path)}, None, tmp_path, [])
    assert [line.split()[0] for line in lines[2:5]] == ["both", "one", "two"]
    assert lines[2].split()[2:4] == ["40", "75.0"]


@pytest.mark.slow
@pytest.mark.parametrize("methods", [1, 2, 3, 4, 7, 13])
@pytest.mark.parametrize("tasks", [1, 3, 12])
def test_it_fits(tmp_path: Path, methods: int, tasks: int) -> None:
    runs = {f"method_{n}": saved(tmp_path / str(n), tasks, f"method_{n}", limit=8) for n in range(methods)}
    lines = summary(runs, EFFORT, Path("out"), ["lmms-vg report out", "lmms-vg compare out"])
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH
    assert any("restricted by --limit 8" in line for line in lines)
    hidden = [int(line.split()[2]) for line in lines if line.startswith("...")]
    shown = sum(line.count("[") for line in lines[1:])
    assert shown + sum(hidden) == methods * tasks
    assert shown >= 1


def test_of_many_stages_the_longest_are_shown_and_what_follows_them_has_room(tmp_path: Path) -> None:
    stages = {f"stage_{n}": float(n) for n in range(1, 13)}
    lines = summary({"plain": saved(tmp_path)}, EFFORT._replace(seconds=stages), tmp_path, [])
    (line,) = [line for line in lines if line.startswith("time ")]
    assert line.startswith("time 5 min, of it answering 78 s (stage_12 15%, stage_11 14%, ")
    assert line.endswith(", ...), scoring 12 s; 2.5 GB")
    assert len(line) <= WIDTH


def test_failures_are_named_by_method(tmp_path: Path) -> None:
    lines = summary({"plain": saved(tmp_path)}, EFFORT._replace(failed={"pai": 3}), tmp_path, [])
    assert "asked 80, from journal 20, failed 3 of pai" in lines


@pytest.mark.parametrize(("look", "verdict"), [(seeing, "shown"), (blind, "not shown")])
def test_looks_stand_beside_chance(tmp_path: Path, look: object, verdict: str) -> None:
    lines = summary({"plain": run_of(tmp_path, asked(look))}, None, tmp_path, [])
    placement, ratio = lines[2], lines[3]
    assert placement.split()[:2] == ["t", "placement"]
    assert f"vs 0.50, {'shown' if look is seeing else ''}" in placement
    assert ratio.split()[:3] == ["t", "log", "AR"]
    assert ratio.endswith(f", {verdict}")


def test_without_a_level_an_even_look_stands_beside() -> None:
    strength = LookStrength(0.45, nan, None, 29, 0.22, None, 0)
    assert _chance(strength) == "0.22 (even)"
    assert _chance(strength._replace(level=0.1)) == "0.10"
