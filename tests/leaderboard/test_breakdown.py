"""Accuracy by category: the benchmark's modalities and subjects, and every axis with few enough categories."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import pytest
from entries import entry
from saved_run import spec

from lmms_vg.datasets.mmmu import SUBJECTS
from lmms_vg.datasets.omnimedvqa import NAMES
from lmms_vg.leaderboard.breakdown import breakdowns
from lmms_vg.leaderboard.plain_pairing import plain_runs
from lmms_vg.paper import columns as paper
from lmms_vg.submission.validated import Entry

OMNI = {f"omnimedvqa_{name}": [1, 0, 1, 1] for name in NAMES}
MMMU = {f"mmmu_med_{subject.lower()}": [1, 0] for subject in SUBJECTS}


def with_categories(one: Entry, task: str, **axes: list[str]) -> Entry:
    made: dict[str, Any] = {axis: tuple(names) for axis, names in axes.items()}
    return replace(one, scores=one.scores | {task: one.scores[task]._replace(categories=made)})


def test_omnimedvqa_and_mmmu_stand_beside_the_paper() -> None:
    plain = entry("p", OMNI | MMMU)
    method = entry("m", OMNI | MMMU | {"omnimedvqa_ct": [0, 0, 0, nan]}, method=spec("pai"))
    first, second = breakdowns(method, plain_runs([method, plain])["m"].of)
    assert first.categories == ["CT", "FP", "MRI", "OCT", "Der", "Mic", "X-Ray", "US"]
    assert first.n == [3, 4, 4, 4, 4, 4, 4, 4]
    assert [(line.name, line.kind) for line in first.lines] == [
        ("this submission", "own"),
        ("HuatuoGPT-V-7B (published)", "published"),
        ("VGRefine (Ours) (published)", "published"),
    ], "no plain run: it has a score for another number of CT's questions"
    assert first.lines[0].values == [0, 75, 75, 75, 75, 75, 75, 75]
    assert first.lines[1].values[0] == 62.6
    assert second.categories[:2] == ["Basic Medical Science", "Clinical Medicine"]
    assert [line.name for line in second.lines][:2] == ["this submission", "its plain run"]
    assert second.lines[2].values == [58.9, 57.2, 43.8, 37.2, 38.3]
    assert "test split" in second.note
    assert breakdowns(plain, {})[0].lines[0].values == [75] * 8


def test_some_modalities_are_enough_two_are_not() -> None:
    three = entry("a", {task: OMNI[task] for task in list(OMNI)[:3]})
    assert breakdowns(three, {})[0].categories == ["CT", "FP", "MRI"]
    assert len(breakdowns(three, {})[0].lines[1].values) == 3
    assert breakdowns(entry("a", {task: OMNI[task] for task in list(OMNI)[:2]}), {}) == []


def test_a_task_by_its_own_categories() -> None:
    task = "vqa_rad_closed"
    organs = ["HEAD", "CHEST", "", "HEAD", "ABD", "HEAD"]
    values = [1, 0, 1, 0, 1, nan]
    method = with_categories(entry("m", {task: values}, method=spec("pai")), task, organ=organs, modality=["CT"] * 6)
    plain = with_categories(entry("p", {task: [0, 0, 1, 1, 1, nan]}), task, organ=organs)
    (made,) = breakdowns(method, plain_runs([method, plain])["m"].of)
    assert made.title == "vqa_rad_closed by organ"
    assert made.categories == ["(none)", "ABD", "CHEST", "HEAD"]
    assert made.n == [1, 1, 1, 2], "questions without a score do not count"
    assert [line.values for line in made.lines] == [[100, 100, 0, 50], [100, 100, 0, 50]]


def test_what_makes_no_radar() -> None:
    task = "vqa_rad_closed"
    thirteen = [str(number) for number in range(13)]
    assert breakdowns(with_categories(entry("a", {task: [1] * 13}), task, organ=thirteen), {}) == []
    twelve = with_categories(entry("a", {task: [1] * 13}), task, organ=[*thirteen[:12], "0"])
    assert len(breakdowns(twelve, {})[0].categories) == 12
    opened = with_categories(entry("a", {"vqa_rad_open": [1, 0, 0.5]}), "vqa_rad_open", organ=["a", "b", "c"])
    assert breakdowns(opened, {}) == [], "recall is not accuracy"
    modality = with_categories(entry("a", {"omnimedvqa_ct": [1, 0, 1]}), "omnimedvqa_ct", question_type=["a", "b", "c"])
    assert breakdowns(modality, {}) == [], "a modality has a place of its own"


def test_a_modality_that_is_added_to_the_papers_columns_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's lines are missing, since the paper has no number for it."""
    column = paper.PaperColumn("PET", "3", "acc", {"vgrefine": ("vqa_demo_hard",)})
    monkeypatch.setattr(paper, "COLUMNS", (*paper.COLUMNS, column))
    (made,) = breakdowns(entry("a", OMNI | {"vqa_demo_hard": [1, 0]}), {})
    assert made.categories[-1] == "PET"
    assert (made.lines[0].values[-1], len(made.lines)) == (50, 1)
