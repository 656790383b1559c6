"""Whole runs of lmms-eval with stand-in models: the numbers in its result table."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from lmms_eval import evaluator
from lmms_eval.api.model import lmms
from lmms_eval.tasks import TaskManager

from lmms_vg import journal
from lmms_vg.host.failure import RunFailed
from lmms_vg.inference.requests import Requests


class StandIn(lmms):
    """Answers every question correctly but each third, and leaves records if `ours`."""

    is_simple = False

    def __init__(self, ours: bool) -> None:
        super().__init__()
        self.leaves_records = self.ours = ours
        self.prompts: list[str] = []

    def generate_until(self, requests: list[Any]) -> list[str]:
        texts = []
        for number, request in enumerate(requests):
            _, to_messages, _, index, task, split = request.args
            document = self.task_dict[task][split][index]
            self.prompts.append(to_messages(document)[0]["content"][-1]["text"])
            text = "wrong" if number % 3 == 2 else document["answer"]
            if self.ours:
                lists = {"ar": [1.0, 2.0], "kl": [2.0, 1.0], "js": [0.2, 0.1], "printed_ar": [0.1, 0.2]}
                error = "boom" if number == 0 else None
                record = {"key": str(number), "task": task, "uid": document["uid"], "text": text, "error": error}
                record |= {"error_code": error and "model"}
                journal.remember(journal.Record(**record, alignment=None if error else lists))
            texts.append(text)
        return texts

    def loglikelihood(self, requests: list[Any]) -> None: ...

    def generate_until_multi_round(self, requests: list[Any]) -> None: ...


def run(manager: TaskManager, ours: bool, *tasks: str) -> dict[str, Any]:
    return evaluator.simple_evaluate(
        model=StandIn(ours), tasks=list(tasks), task_manager=manager, limit=6, bootstrap_iters=0
    )


def test_measurement_with_our_model(manager: TaskManager) -> None:
    run_results = run(manager, True, "vgmed_demo")
    results = run_results["results"]["vgmed_demo"]
    assert (results["ar,none"], results["kl,none"], results["js,none"]) == (2.0, 1.0, 0.1)
    assert (results["best_layer,none"], results["n,none"]) == (1, 5)
    assert results["answered,none"] == pytest.approx(5 / 6)
    assert run_results["samples"]["vgmed_demo"][1]["ar"]["ar"] == [1.0, 2.0]


def test_what_a_foreign_model_cannot_have_measured_it_is_not_asked(manager: TaskManager) -> None:
    """No other task of the run is asked either: an API charges for every answer."""
    model = StandIn(False)
    with pytest.raises(RunFailed, match="vgmed_demo: measures where a model looks"):
        evaluator.simple_evaluate(model=model, tasks=["vqa_demo_hard", "vgmed_demo"], task_manager=manager, limit=6)
    assert model.prompts == []


def test_group_accuracy_and_clustered_errors(manager: TaskManager) -> None:
    results = run(manager, False, "vqa_demo")["results"]
    # 12 questions, standard and hard in one call: numbers 2, 5, 8, 11 are wrong, two a task
    assert results["vqa_demo_hard"]["acc,none"] == results["vqa_demo"]["acc,none"] == pytest.approx(4 / 6)
    assert results["vqa_demo_hard"]["acc_stderr_clt,none"] == pytest.approx(0.2108185)  # sqrt(.2667 / 6)
    assert isinstance(results["vqa_demo_hard"]["acc_stderr_clustered,none"], float)
    assert "best_layer,none" not in results["vqa_demo"]
    assert set(results["vqa_demo"]) == {"acc,none", "acc_stderr,none", "alias"}


def test_foreign_model_on_slake(manager: TaskManager, raw_data: Path) -> None:
    results = run(manager, False, "slake")["results"]
    assert results["slake_closed"]["acc,none"] == pytest.approx(2 / 3)
    assert results["slake_open"]["exact_match,none"] == pytest.approx(2 / 3)
    assert results["slake_closed"]["n,none"] == 3


def test_answers_with_a_place(manager: TaskManager, raw_data: Path) -> None:
    """Each part has three questions, the first of which failed: the others are answered and measured."""
    results = run(manager, True, "slake_grounded_closed")["results"]["slake_grounded_closed"]
    assert (results["acc,none"], results["n,none"]) == (0.5, 2)
    assert (results["ar,none"], results["kl,none"], results["best_layer,none"]) == (2.0, 1.0, 1)
    assert results["macro_organ,none"] == 0.5
    opened = run(manager, True, "slake_grounded_test_open")["results"]["slake_grounded_test_open"]
    assert (opened["answered,none"], opened["n,none"]) == (0.0, 0), "its only question failed"
    with pytest.raises(RunFailed, match="slake_grounded_closed: measures where a model looks"):
        run(manager, False, "slake_grounded_closed")


@pytest.mark.slow
def test_every_benchmark_in_one_call(manager: TaskManager, raw_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every group of the six benchmarks under both protocols; answers are correct but each third."""
    groups = ["medvqa", "vqa_rad_test", "omnimedvqa", "mmmu_med", "medvqa_chen", "medvqa_chen_greedy"]
    model = StandIn(False)
    ran = evaluator.simple_evaluate(model=model, tasks=groups, task_manager=manager, bootstrap_iters=0)
    results = ran["results"]
    asked = {"vqa_rad_closed": 4, "slake_closed": 3, "pathvqa_closed": 1, "pmc_vqa": 1}
    assert {task: results[task]["n,none"] for task in asked} == asked
    right = sum(results[task]["acc,none"] * n for task, n in asked.items())
    assert results["medvqa"]["acc,none"] == pytest.approx(right / 9), "pooled over all questions, not over sets"
    for group in ("omnimedvqa", "medvqa_chen", "medvqa_chen_greedy"):
        parts = [results[task] for task in ran["group_subtasks"][group]]
        assert [part["n,none"] for part in parts] == [4] + [1] * (len(parts) - 1)
        pooled = sum(part["acc,none"] * part["n,none"] for part in parts) / (3 + len(parts))
        plain = sum(part["acc,none"] for part in parts) / len(parts)
        assert results[group]["acc,none"] == pytest.approx(pooled) != pytest.approx(plain)
    weights = {"basic_medical_science": 326, "clinical_medicine": 325, "diagnostics_and_laboratory_medicine": 162}
    weights |= {"pharmacy": 430, "public_health": 509}
    weighted = sum(results[f"mmmu_med_{subject}"]["acc,none"] * weight for subject, weight in weights.items())
    assert results["mmmu_med"]["acc,none"] == pytest.approx(weighted / 1752)
    assert results["slake_closed"]["ci95,none"] is None, "all three questions are about one image"
    assert "medvqa" in ran["groups"]


def test_hidden_answers_become_a_file(manager: TaskManager, raw_data: Path, tmp_path: Path) -> None:
    arguments = Namespace(output_path=str(tmp_path), model="stand-in", process_with_media=False)
    ran = evaluator.simple_evaluate(
        model=StandIn(False), tasks=["mmmu_med_test"], task_manager=manager, bootstrap_iters=0, cli_args=arguments
    )
    (path,) = (tmp_path / "submissions").iterdir()
    answers = json.loads(path.read_text())
    assert ran["results"]["mmmu_med_test"]["submission,none"] == len(answers) == 10
    assert answers["test_Pharmacy_2"] in ("?", "wrong")


def test_what_a_task_says_of_its_penalty_reaches_our_models(manager: TaskManager, raw_data: Path) -> None:
    """HuatuoGPT-Vision's protocol penalises words of the answer only; other tasks, like `generate`, the prompt's too."""
    asked: dict[str, bool] = {}

    class Ours(StandIn):
        def generate_until(self, requests: list[Any]) -> list[str]:
            ours = Requests(requests, self.task_dict)
            for question in map(ours.question, ours.own):
                asked[question.task] = question.decoding.penalise_prompt
            return super().generate_until(requests)

    tasks = ["vqa_rad_chen", "vqa_rad_chen_greedy", "vqa_rad_closed"]
    evaluator.simple_evaluate(model=Ours(False), tasks=tasks, task_manager=manager, bootstrap_iters=0)
    assert asked == {"vqa_rad_chen": False, "vqa_rad_chen_greedy": False, "vqa_rad_closed": True}
