"""Questions by rules and by an endpoint that fails, is silent, answers prose, or too few questions; a local server plays it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import api_server
import pytest
import vgmed_items

from lmms_vg.vgmed import questions
from lmms_vg.vgmed.endpoint import Endpoint, EndpointFailed, estimate
from lmms_vg.vgmed.prompts import prompt, questions_in

GOOD = "Is the organ large?\nIs the organ round?\nIs the organ smooth?"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[api_server.Server]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with api_server.serving() as made:
        yield made


def endpoint(server: api_server.Server, folder: Path, **changes: Any) -> Endpoint:
    fields: dict[str, Any] = {"per_minute": 100_000, "wait": 0.0, "timeout": 20.0}
    return Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "m", folder / "answers", **fields | changes)


def test_by_rules_offline_and_the_same_bytes(tmp_path: Path) -> None:
    made = vgmed_items.write(tmp_path)
    asked = questions.write(made, questions.by_rules(made.items.values()), seed=1, k=0)
    before = (tmp_path / "questions.jsonl").read_bytes()
    assert asked.problems == []
    assert asked.card.counts["localization"] == asked.card.counts["attribute"] == 6
    assert asked.card.hash != made.card.hash
    questions.write(asked, questions.by_rules(made.items.values()), seed=1, k=0)
    assert (tmp_path / "questions.jsonl").read_bytes() == before


def test_one_request_per_modality_and_label(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: GOOD
    made = vgmed_items.write(tmp_path, 12)
    written = questions.by_endpoint(made.items.values(), endpoint(server, tmp_path))
    assert server.asked == len(written.texts) == 6  # two modalities, three labels
    asked = questions.write(made, written, seed=0, k=0)
    attribute = [question for question in asked.questions if question.kind == "attribute"]
    assert {question.text for question in attribute} <= set(GOOD.splitlines())
    assert {question.author.split(",")[0] for question in attribute} == {"m"}
    assert [flag.code for flag in attribute[0].flags] == ["label"]  # "the organ" does not name it


def test_answers_are_kept_and_a_stopped_run_resumes(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: GOOD if n < 4 else 401
    items = vgmed_items.write(tmp_path, 12).items.values()
    with pytest.raises(
        EndpointFailed, match=r"model 'm': AuthenticationError: .*check --endpoint, --model and the key"
    ):
        questions.by_endpoint(items, endpoint(server, tmp_path))
    assert server.asked == 5
    server.answer = lambda n: GOOD
    questions.by_endpoint(items, endpoint(server, tmp_path))
    assert server.asked == 7  # four were kept
    questions.by_endpoint(items, endpoint(server, tmp_path))
    assert server.asked == 7


def test_passing_failures_are_tried_again(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: GOOD if n == 3 else (429, 500, 503)[n]
    assert endpoint(server, tmp_path).ask("hello").answer == GOOD
    assert server.asked == 4


def test_lasting_failures_end_with_advice(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: 500
    with pytest.raises(
        EndpointFailed, match="asked 4 times; run the same command again later, what is answered is kept"
    ):
        endpoint(server, tmp_path).ask("hello")
    assert server.asked == 4
    assert not list(tmp_path.rglob("*.json"))


def test_silence_is_a_failure(tmp_path: Path, server: api_server.Server) -> None:
    over = Event()
    server.answer = lambda n: (over.wait(20), GOOD)[1]
    try:
        with pytest.raises(EndpointFailed, match="APITimeoutError"):
            endpoint(server, tmp_path, timeout=0.2).ask("hello")
    finally:
        over.set()


@pytest.mark.parametrize(
    "answer",
    ["I cannot see the image.", "Is it large?\nIs it round?", "Is it large?\nis it LARGE?\nIs it round?", "", None],
)
def test_answers_without_three_questions_are_named(
    tmp_path: Path, server: api_server.Server, answer: str | None
) -> None:
    server.answer = lambda n: answer
    made = vgmed_items.write(tmp_path, 1)
    written = questions.by_endpoint(made.items.values(), endpoint(server, tmp_path))
    assert server.asked == 3
    assert written.texts == {}
    assert written.problems[0].startswith("CT liver: 3 answers of m without 3 different questions")
    asked = questions.write(made, written, seed=0, k=0)
    assert [question.kind for question in asked.questions] == ["localization"]


def test_a_second_answer_may_be_better(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: ("Is it large?", GOOD)[n]
    made = vgmed_items.write(tmp_path, 1)
    written = questions.by_endpoint(made.items.values(), endpoint(server, tmp_path))
    assert written.texts == {("CT", "liver"): GOOD.splitlines()}
    assert server.asked == 2


def test_a_broken_kept_answer_is_asked_again(tmp_path: Path, server: api_server.Server) -> None:
    server.answer = lambda n: GOOD
    asking = endpoint(server, tmp_path)
    asking.ask("hello")
    asking.path("hello", 0).write_text("{")
    assert asking.ask("hello").answer == GOOD
    assert server.asked == 2


def test_the_rate_is_limited(tmp_path: Path, server: api_server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.answer = lambda n: GOOD
    asking = endpoint(server, tmp_path, per_minute=2)
    for number in range(3):
        asking.ask(str(number))
    assert [wait > 25 for wait in slept] == [False, True, True]


def test_the_price() -> None:
    assert "2 requests, about 500 tokens of prompts and 160 of answers" in estimate(["x" * 1000] * 2, None)
    assert estimate(["x" * 4_000_000], (3.0, 1e6)).endswith("about 83.00 at 3 and 1e+06 per million tokens")


def test_prompts_tell_label_and_modality_only() -> None:
    text = prompt("CT", "left kidney")
    assert "left kidney" in text
    assert "density" in text
    assert "{" not in text
    assert prompt("MRI", "x") != prompt("CT", "x")


def test_questions_in_an_answer() -> None:
    answer = 'Sure:\n1. "Is it large?"\n2) Is it  round?\n- **Is it smooth?**\n\nLet me know.'
    assert questions_in(answer) == ["Is it large?", "Is it round?", "Is it smooth?"]
