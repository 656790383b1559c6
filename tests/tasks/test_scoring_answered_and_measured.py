"""Answers with a place: scored and measured together, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from lmms_vg import journal
from lmms_vg.tasks import scoring_closed, scoring_grounding, scoring_open
from lmms_vg.tasks.document_fields import AXES
from lmms_vg.tasks.scoring_answered_and_measured import open_results, yes_no_results

LISTS = {"ar": [1.0, 2.0], "kl": [3.0, 1.0], "js": [0.3, 0.1], "printed_ar": [0.1, 0.2]}
CLOSED, OPEN = "slake_grounded_closed", "slake_grounded_open"


def doc(task: str, answer: str = "No") -> dict[str, Any]:
    about = dict.fromkeys(AXES, "") | {"organ": "Liver", "modality": "CT"}
    return {"task": task, "uid": "1", "answer": answer, "image": "slake:a", "options": []} | about


def remember(task: str, **record: Any) -> None:
    journal.remember(journal.Record(key="k", task=task, uid="1", **({"alignment": LISTS} | record)))


def test_both_halves_are_those_of_the_separate_tasks() -> None:
    remember(CLOSED, text="No.")
    asked = doc(CLOSED)
    result = yes_no_results(asked, ["No."])
    for half in (scoring_closed.yes_no_results, scoring_grounding.results):
        assert {name: result[name] for name in half(asked, ["No."])} == half(asked, ["No."])
    assert (result["acc"]["score"], result["ar"]["ar"], result["answered"]) == (1, [1.0, 2.0], 1)
    assert result["macro_organ"]["category"] == "Liver"


def test_open_answers() -> None:
    remember(OPEN, text="left lung")
    result = open_results(doc(OPEN, "lung"), ["left lung"])
    assert result["open_recall"]["score"] == 1.0
    assert result.keys() > scoring_open.PER_ANSWER.keys() | {"ar", "kl", "js", "best_layer", "answered", "n"}


@pytest.mark.parametrize(("score", "task"), [(yes_no_results, CLOSED), (open_results, OPEN)])
def test_an_answer_without_a_measurement_has_no_value(score: Any, task: str) -> None:
    remember(task, text="No", alignment=None)
    result = score(doc(task), ["No"])
    assert result["answered"] == 0
    for name, item in result.items():
        if name not in ("answered", "n"):
            assert item["error"] == "the record has no alignment values", name
    assert result["n"]["failed"]["uid"] == "1"


@pytest.mark.parametrize(("score", "task"), [(yes_no_results, CLOSED), (open_results, OPEN)])
def test_a_measurement_without_a_reference_answer_has_no_value(score: Any, task: str) -> None:
    remember(task, text="No")
    result = score(doc(task, ""), ["No"])
    assert result["answered"] == 0
    assert all("error" in item for name, item in result.items() if name not in ("answered", "n"))


def test_a_failed_question_says_why() -> None:
    remember(CLOSED, text="", error="the box lies outside", error_code="bad_box", alignment=None)
    result = yes_no_results(doc(CLOSED), [""])
    assert {item["error_code"] for name, item in result.items() if name not in ("answered", "n")} == {"bad_box"}
