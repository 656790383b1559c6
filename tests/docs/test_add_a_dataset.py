"""Follow docs/add_a_dataset.md literally: a folder outside the project is asked, measured, scored and compared."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
from commands import answers, command
from pages import blocks, commands, files

import lmms_vg
from lmms_vg.plugin import TASKS

#: Seconds per test: several whole runs of lmms-eval, on a machine that may be busy.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = "add_a_dataset.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page, with twelve questions about three images, after all its commands."""
    root = tmp_path_factory.mktemp("liver")
    for name, text in files(PAGE).items():
        (root / name).write_text(text)
    (row,) = [json.loads(text) for language, text in blocks(PAGE) if language == "json"]
    rows = []
    for number in range(12):
        image = f"{number % 3}.png"
        tiny.picture(number % 3, 80, 64).save(root / image)
        rows.append(row | {"image": image, "question": f"Is finding {number} left or right?"})
    (root / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    copying, *running = commands(PAGE)
    assert copying == 'cp "$(lmms-vg tasks --path)"/_*_yaml .'
    for path in TASKS.glob("_*_yaml"):
        shutil.copy(path, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for line in running:
            done = command(root / "home", *shlex.split(line)[1:])
            assert done.returncode == 0, done.stdout + done.stderr
            (root / f"{shlex.split(line)[1]}.txt").write_text(done.stdout)
    return root


def results(folder: Path, method: str) -> dict[str, Any]:
    (path,) = (folder / "out" / method).rglob("*_results.json")
    return json.loads(path.read_text())["results"]


@pytest.mark.parametrize("method", ["plain", "vgrefine"])
def test_attention_is_measured_and_answers_are_scored(folder: Path, method: str) -> None:
    tasks = results(folder, method)
    boxes, closed = tasks["liver_boxes"], tasks["liver_closed"]
    assert (boxes["n,none"], boxes["answered,none"], closed["n,none"]) == (12, 1.0, 12)
    assert boxes["ar,none"] > 0
    assert boxes["kl,none"] > 0
    assert 0 < boxes["js,none"] < 1
    assert 0 <= closed["acc,none"] <= 1


def test_every_question_is_named_in_the_samples(folder: Path) -> None:
    lines = answers(folder / "out" / "plain")
    for task, metric in (("liver_boxes", "ar"), ("liver_closed", "acc")):
        assert {line[metric]["uid"] for line in lines[f"{task}.jsonl"]} == {f"liver/{n}" for n in range(12)}
        assert {line[metric]["image"] for line in lines[f"{task}.jsonl"]} == {"0.png", "1.png", "2.png"}


def test_reports_and_comparisons_know_the_tasks(folder: Path) -> None:
    assert "liver_closed" in (folder / "report.txt").read_text()
    assert "liver_closed" in (folder / "compare.txt").read_text()
    run = lmms_vg.read(folder / "out" / "plain")
    assert (list(run.tasks), run.measured) == (["liver_closed"], ["liver_boxes"])
