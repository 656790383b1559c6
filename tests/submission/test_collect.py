"""Runs that cannot be one submission: parts, mixtures, and results that were edited or scored otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs
from refusals import refused
from saved_run import spec
from tampered import parts

from lmms_vg.datasets import counts
from lmms_vg.submission.export.arguments import model_args
from lmms_vg.submission.submit import submit

HARD, STANDARD, LOOKED = "vqa_demo_hard", "vqa_demo_standard", "vgmed_demo"


def test_measurements_that_failed(tmp_path: Path) -> None:
    def fail(_task: str, lines: list[dict[str, Any]]) -> None:
        item = {"error": "OutOfMemoryError: CUDA", "error_code": "model", "task": LOOKED, "uid": lines[7]["ar"]["uid"]}
        lines[7] |= dict.fromkeys(("ar", "kl", "js", "best_layer"), item) | {"answered": 0, "n": {"answered": 0}}

    assert "1 questions have no answer" in refused(
        tmp_path, "failed", runs.save_run(tmp_path / "run", LOOKED, change=fail)
    )


def test_one_task_with_two_sets_of_answers(tmp_path: Path) -> None:
    first = runs.save_run(tmp_path / "1", HARD)
    second = runs.save_run(tmp_path / "2", HARD, say=runs.mostly_right(1))
    assert HARD in refused(tmp_path, "mixed", first, second)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"limit": 8.0}, "--limit 8"),
        ({"offset": 3}, "--offset 3"),
        ({"gen_kwargs": {"temperature": 1}}, "--gen_kwargs"),
    ],
)
def test_restricted_runs(tmp_path: Path, config: dict[str, Any], said: str) -> None:
    sizes = {"offset": {HARD: {"original": 303}}}.get(next(iter(config)))
    run = runs.save_run(tmp_path / "run", HARD, sizes=sizes, **config)
    assert said in refused(tmp_path, "restricted", run)


def test_part_of_a_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "deviations", {"demo hard": "half of it"})
    run = runs.save_run(tmp_path / "run", HARD)
    monkeypatch.setattr(counts, "deviations", {})
    assert "LMMS_VG_PARTIAL_DATA" in refused(tmp_path, "restricted", run)


def test_questions_that_failed(tmp_path: Path) -> None:
    def fail(_task: str, lines: list[dict[str, Any]]) -> None:
        uid = lines[7]["acc"]["uid"]
        item = {"error": "out of memory", "error_code": "model", "task": HARD, "uid": uid}
        lines[7] |= {
            "acc": item,
            "ci95": item,
            "unparseable": item,
            "answered": 0,
            "n": {"answered": 0},
            "filtered_resps": "",
        }

    run = runs.save_run(tmp_path / "run", HARD, change=fail)
    said = refused(tmp_path, "failed", run)
    assert "1 questions have no answer" in said
    assert runs.questions(HARD)[7].uid in said


def test_boxes_that_the_model_does_not_see(tmp_path: Path) -> None:
    """A model that crops its images cannot be measured on boxes outside the crop; a note says so, and n counts the others."""

    def crop(_task: str, lines: list[dict[str, Any]]) -> None:
        for line in lines[:2]:
            item = {
                "error": "the words are free",
                "error_code": "unmeasurable",
                "task": LOOKED,
                "uid": line["ar"]["uid"],
            }
            line |= dict.fromkeys(("ar", "kl", "js", "best_layer"), item) | {"answered": 0, "n": {"answered": 0}}

    left = {"n": 298, "answered": 298 / 300}
    run = runs.save_run(tmp_path / "1", LOOKED, change=crop, means={LOOKED: left})
    said = refused(tmp_path, "metric", run)
    assert "vgmed_demo ar: says" in said, "the table was made of all questions"
    values = {
        name: float(said.split(f"vgmed_demo {name}: says ")[1].split("answers give ")[1].split("\n")[0])
        for name in ("ar", "js", "kl")
    }
    run = runs.save_run(tmp_path / "2", LOOKED, change=crop, means={LOOKED: left | values})
    checked, *_ = submit([run], runs.CARD, tmp_path / "b.zip")
    assert [one.code for one in checked.findings] == ["unmeasured", "unverified-alignment"]
    assert "2 of 300" in checked.findings[0].message
    assert checked.entry is not None
    assert checked.entry.manifest.tasks[LOOKED].n == 298


@pytest.mark.parametrize(
    "other",
    [{"method": spec("pai")}, {"weights": "0"}, {"dtype": "bfloat16"}, {"code": "0"}, {"versions": {"torch": "9"}}],
)
def test_runs_that_are_not_of_one_thing(tmp_path: Path, other: dict[str, Any]) -> None:
    first = runs.save_run(tmp_path / "1", HARD)
    second = runs.save_run(tmp_path / "2", STANDARD, identity=other)
    assert f"{next(iter(other))} is " in refused(tmp_path, "mixed", first, second)


def test_runs_of_two_commits_of_which_nothing_bears_on_answers(tmp_path: Path) -> None:
    first = runs.save_run(tmp_path / "1", HARD)
    libraries = runs.IDENTITY["versions"] | {"lmms_vg": "0.2.0", "datasets": "9"}
    second = runs.save_run(tmp_path / "2", STANDARD, identity={"commit": "b" * 40, "versions": libraries})
    checked, *_ = submit([first, second], runs.CARD, tmp_path / "b.zip")
    assert not checked.errors


def test_the_familys_own_settings_are_kept_and_left_out_if_it_has_none(tmp_path: Path) -> None:
    options = {"min_pixels": 784, "max_pixels": 50_176}
    first = runs.save_run(tmp_path / "1", HARD, identity={"options": options})
    checked, *_ = submit([first], runs.CARD, tmp_path / "a.zip")
    assert checked.entry is not None
    assert checked.entry.run.options == options
    assert model_args(checked.entry.run) == "pretrained=demo,max_pixels=50176,min_pixels=784"
    second = runs.save_run(tmp_path / "2", STANDARD)
    assert "options is" in refused(tmp_path, "mixed", first, second)
    submit([second], runs.CARD, tmp_path / "b.zip")
    assert "options" not in parts(tmp_path / "b.zip")["manifest"]["run"]


def test_different_seeds(tmp_path: Path) -> None:
    first = runs.save_run(tmp_path / "1", HARD)
    second = runs.save_run(tmp_path / "2", STANDARD, torch_seed=7)
    assert "--seed" in refused(tmp_path, "mixed", first, second)


def test_a_run_signed_by_an_older_version(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "run", HARD, identity={"batch_size": "eight"})
    assert "batch_size" in refused(tmp_path, "provenance", run)


def test_the_table_of_lmms_eval_was_edited(tmp_path: Path) -> None:
    run = runs.save_run(tmp_path / "1", HARD, means={HARD: {"acc": 0.99}})
    assert "says 0.99" in refused(tmp_path, "metric", run)
    run = runs.save_run(tmp_path / "2", HARD, STANDARD, means={"vqa_demo": {"acc": 0.99}})
    assert "vqa_demo acc" in refused(tmp_path, "metric", run)


def test_a_verdict_of_the_samples_was_edited(tmp_path: Path) -> None:
    def cheat(_task: str, lines: list[dict[str, Any]]) -> None:
        wrong = next(line for line in lines if not line["acc"]["score"])
        wrong["acc"]["score"] = 1

    assert HARD in refused(tmp_path, "verdict", runs.save_run(tmp_path / "run", HARD, change=cheat))


def test_a_run_scored_by_an_older_rule(tmp_path: Path) -> None:
    def older(_task: str, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            line["acc"] |= {"rule": "closed|v:0.0.9", "score": 0}

    refused(tmp_path, "outdated-rule", runs.save_run(tmp_path / "run", HARD, change=older))


@pytest.mark.parametrize("field", ["input", "target"])
def test_another_prompt_or_reference(tmp_path: Path, field: str) -> None:
    def reword(_task: str, lines: list[dict[str, Any]]) -> None:
        lines[3][field] = "left"

    assert "other words" in refused(tmp_path, "questions", runs.save_run(tmp_path / "run", HARD, change=reword))


def test_questions_in_another_place(tmp_path: Path) -> None:
    """Two questions that read the same are told apart by their uid."""

    def swap(_task: str, lines: list[dict[str, Any]]) -> None:
        lines[0]["acc"]["uid"], lines[1]["acc"]["uid"] = lines[1]["acc"]["uid"], lines[0]["acc"]["uid"]

    refused(tmp_path, "questions", runs.save_run(tmp_path / "run", HARD, change=swap))
