"""The trained demo model as shipped: it answers, it grounds, and its hard split leaves room for improvement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lmms_vg.experiments.boxed_questions import questions
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.build import build
from lmms_vg.inference.question import Question
from lmms_vg.journal import Record
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods.head_lists import shipped
from lmms_vg.metrics.alignment import best_layer
from lmms_vg.metrics.closed import closed
from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run
from lmms_vg.tasks import documents, prompts, registry

pytestmark = pytest.mark.slow

REFERENCE = "Write a general description of the image.\nAnswer the question using a single word or phrase."


def accuracy(run: Run, task: str) -> float:
    return float(np.mean([*run.tasks[task].scores.values()]))


@pytest.fixture(scope="module")
def finished(demo_runs: Path) -> dict[str, Run]:
    """The demo's runs of HuatuoGPT-Vision's family by their methods; all 300 questions of each split."""
    return {name: read_run(next((demo_runs / "out" / name).rglob("*_results.json"))) for name in ("plain", "vgrefine")}


def test_it_answers_and_grounds_on_held_out_phantoms(finished: dict[str, Run]) -> None:
    assert len(finished["plain"].tasks["vqa_demo_standard"].scores) == 300
    assert accuracy(finished["plain"], "vqa_demo_standard") >= 0.95
    assert finished["plain"].means["vgmed_demo"]["ar"] >= 3.0


def test_it_does_so_as_a_llava() -> None:
    answerer = build("llava", "plain", pretrained="demo", batch_size=8)
    rows = list(registry.vqa_demo_standard(None))[:80]
    asked = [
        Question(
            "t", row["uid"], lambda row=row: [*documents.visual(row), prompts.short_answer(row)], REFERENCE, Decoding()
        )
        for row in rows
    ]
    right = {row["uid"]: row["answer"] for row in rows}
    said = answer(answerer, asked)
    assert np.mean([closed(record.text, right[record.uid]).correct for record in said]) >= 0.95
    values = [record.alignment for record in answer(answerer, questions("vgmed_demo", 80)) if record.alignment]
    layer = best_layer([value["kl"] for value in values])
    assert np.mean([value["ar"][layer] for value in values]) >= 3.0


def answer(answerer: Answerer, asked: list[Question]) -> list[Record]:
    records = [record for _, record in answerer.answer(asked)]
    assert [record.error for record in records] == [None] * len(asked)
    return records


@pytest.mark.parametrize("method", ["plain", "vgrefine"])
def test_the_hard_split_leaves_something_to_win(finished: dict[str, Run], method: str) -> None:
    assert 0.6 <= accuracy(finished[method], "vqa_demo_hard") <= 0.9


def test_its_head_list_is_calibrated_on_phantoms_of_its_own() -> None:
    made = shipped()["demo"]
    assert made.provenance["data"] == "demo_calibration"
    asked = {question.uid for question in questions("demo_calibration")}
    assert made.provenance["n"] == len(asked) == 300
    assert asked.isdisjoint(question.uid for question in questions("vgmed_demo"))
    assert made.leaks == []
    assert made.scores is not None
    assert made.scores.kl == sorted(made.scores.kl)


def test_the_files_are_what_a_release_needs(tmp_path: Path) -> None:
    from lmms_vg.demo import WEIGHTS

    names = {path.name for path in WEIGHTS.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"} <= names
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl"))}
    assert (WEIGHTS / "model.safetensors").stat().st_size < 8_000_000
