"""Which answers a document allows, and that they reach the question without changing what is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
from asking import good
from checkpoints import load

from lmms_vg.inference.question import prepare
from lmms_vg.inference.requests import Requests
from lmms_vg.tasks.closed_sets import closed_set, place_of
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.registry import TASKS


def doc(answer: str, kind: str = "CLOSED", *options: str) -> dict[str, Any]:
    return {"answer": answer, "answer_type": kind, "options": list(options)}


@pytest.mark.parametrize(
    ("document", "choices"),
    [
        (doc("Yes"), ("yes", "no")),
        (doc(" no. "), ("yes", "no")),
        (doc("Left"), ()),
        (doc("yes", "OPEN"), ()),
        (doc("yes", ""), ()),
        (doc(""), ()),
        (doc("B", "CHOICE", "CT", "MRI", "X-ray"), ("A", "B", "C")),
        (doc("", "CHOICE", "yes", "no"), ("A", "B")),
        (doc("A", "CHOICE", "CT"), ()),
        (doc("A", "CHOICE", *map(str, range(26))), tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
        (doc("A", "CHOICE", *map(str, range(27))), ()),
        ({"answer": "yes"}, ()),
    ],
)
def test_closed_sets(document: dict[str, Any], choices: tuple[str, ...]) -> None:
    assert closed_set(document) == choices


def test_the_right_answer_does_not_change_the_set() -> None:
    assert closed_set(doc("Yes")) == closed_set(doc("No"))
    assert place_of("Yes", closed_set(doc("Yes"))) == 0
    assert place_of("No", closed_set(doc("No"))) == 1
    assert place_of("left", ("yes", "no")) is None
    assert place_of("C", ("A", "B")) is None
    assert place_of("A", ("A", "B")) == 0  # not an article here


@pytest.mark.parametrize(("task", "some"), [("vqa_demo_standard", True), ("vgmed_demo", True)])
def test_the_set_reaches_the_question(task: str, some: bool) -> None:
    docs = documents(task, TASKS[task].read, None)
    request = SimpleNamespace(
        task_name=task,
        doc_id=0,
        metadata={},
        args=("", lambda _doc: [], {"max_new_tokens": 4, "do_sample": False}, 0, task, "test"),
    )
    requests = [SimpleNamespace(**{**vars(request), "doc_id": number}) for number in range(len(docs))]
    asked: Any = Requests(requests, {task: {"test": docs}})  # type: ignore[arg-type]
    choices = [asked.question(one).choices for one in asked.own]
    assert choices == [closed_set(document) for document in docs]
    assert any(choices) is some


def test_the_set_is_no_part_of_the_key(tmp_path: Path) -> None:
    family = load("huatuo", tiny.save(tmp_path))
    open_set = good("a")
    first, second = (
        prepare(family, question, ("last",), boxes=False)
        for question in (open_set, replace(open_set, choices=("yes", "no")))
    )
    assert (first.key, first.draw, first.prompt.text) == (second.key, second.draw, second.prompt.text)
