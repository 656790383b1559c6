"""lmms-eval's own API model on our tasks, against a server on this machine that fails in every way there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import hosting
import pytest
from api_server import Server, model_args, serving
from lmms_eval.models.chat.openai import OpenAICompatible

from lmms_vg.host import failure
from lmms_vg.host.failure import RunFailed


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    failure.take()
    yield
    failure.take()


def test_requests_that_failed_are_failures_and_not_wrong_answers(server: Server) -> None:
    server.answer = lambda number: ["No", 400, None, "", "no"][number]
    made = hosting.evaluated("openai", "vqa_demo_hard", model_args=model_args(server), limit=5)
    results = made["results"]["vqa_demo_hard"]
    assert server.asked == 5
    assert (results["n,none"], results["answered,none"], results["unparseable,none"]) == (2, 0.4, 0.0)
    codes = [line["acc"]["error_code"] for line in made["samples"]["vqa_demo_hard"] if "error" in line["acc"]]
    assert codes == ["model"] * 3
    errors = sorted(line["acc"]["error"] for line in made["samples"]["vqa_demo_hard"] if "error" in line["acc"])
    assert len(errors) == 3
    assert errors[0].startswith("[LMMS_EVAL_REQUEST_FAILED after 1 retries] Error code: 400")
    scores = [line["acc"]["score"] for line in made["samples"]["vqa_demo_hard"] if "score" in line["acc"]]
    assert results["acc,none"] == sum(scores) / 2


def test_records_of_our_model_do_not_speak_for_another(server: Server) -> None:
    """In one process, as with a list of configurations."""
    ours = hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args="pretrained=demo", limit=2)
    assert ours["results"]["vqa_demo_hard"]["n,none"] == 2
    server.answer = lambda number: 400
    made = hosting.evaluated("openai", "vqa_demo_hard", model_args=model_args(server), limit=2)
    assert made["results"]["vqa_demo_hard"]["n,none"] == 0


def test_a_server_that_refuses_everything_gives_no_value(server: Server) -> None:
    """Its message holds "no", which was half of the closed questions' answers."""
    server.answer = lambda number: 400
    made = hosting.evaluated("openai", "vqa_demo", model_args=model_args(server), limit=3)
    for task in ("vqa_demo_hard", "vqa_demo_standard"):
        assert made["results"][task]["acc,none"] is None
        assert (made["results"][task]["n,none"], made["results"][task]["answered,none"]) == (0, 0.0)
    assert made["results"]["vqa_demo"]["acc,none"] is None
    assert len(made["samples"]["vqa_demo_hard"]) == 3


def test_what_a_budget_left_unasked_is_a_failure(server: Server) -> None:
    server.answer = lambda number: "no"
    made = hosting.evaluated("openai", "vqa_demo_hard", model_args=model_args(server), limit=5, max_tokens=250)
    assert server.asked == made["results"]["vqa_demo_hard"]["n,none"] == 3


def test_a_task_without_a_value_loses_nothing_of_the_others(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ten requests the first five are of one task; its failures are said, all is saved, and a status remains."""
    server.answer = lambda number: 400 if number < 5 else "no"
    hosting.light(monkeypatch, tmp_path)
    arguments = ("--model", "openai", "--model_args", f"{model_args(server)},prefix_aware_queue=false")
    out = ("--output_path", str(tmp_path / "out"), "--log_samples", "--limit", "5")
    assert hosting.command_line(monkeypatch, *arguments, "--tasks", "vqa_demo", *out) is None
    (path,) = (tmp_path / "out").rglob("*_results.json")
    values = json.loads(path.read_text())["results"]
    assert sorted(values[task]["n,none"] for task in ("vqa_demo_hard", "vqa_demo_standard")) == [0, 5]
    assert [len(hosting.samples(tmp_path / "out", task)) for task in ("vqa_demo_hard", "vqa_demo_standard")] == [5, 5]
    noted = failure.take()
    assert [message.split(" got")[0].partition(": ")[2] for message in noted] == ["5 of 5 questions", ""]
    assert "5 of 5 questions got no value" in capsys.readouterr().out


def test_what_it_cannot_measure_it_is_not_asked(server: Server) -> None:
    server.answer = lambda number: "no"
    with pytest.raises(RunFailed, match="vgmed_demo: measures where a model looks"):
        hosting.evaluated("openai", "vqa_demo_hard", "vgmed_demo", model_args=model_args(server))
    assert server.asked == 0
    assert not hasattr(OpenAICompatible, "leaves_records")
