"""Every option of lmms-eval is known, and treated as the table says."""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import hosting
import lmms_eval.__main__ as host
import pytest
from lmms_eval import evaluator
from lmms_eval.api.model import lmms

from lmms_vg import journal
from lmms_vg.harness import huatuo_plain
from lmms_vg.host import options as host_options
from lmms_vg.host.failure import RunFailed
from lmms_vg.host.options import OPTIONS, passed
from lmms_vg.inference import build

#: Arguments of `simple_evaluate` that are no option, or an option under another name.
PYTHON_ONLY = {
    "rewrite_requests_cache",
    "delete_requests_cache",
    "bootstrap_iters",
    "evaluation_tracker",
    "task_manager",
    "random_seed",
    "numpy_random_seed",
    "torch_random_seed",
    "fewshot_random_seed",
    "datetime_str",
    "distributed_executor_backend",
    "cli_args",
}

#: Values, as Python passes them, of every option that is refused anywhere.
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("use_cache", {"use_cache": "cache"}),
    ("cache_requests", {"cache_requests": True}),
    ("cache_requests", {"rewrite_requests_cache": True}),
    ("cache_requests", {"delete_requests_cache": True}),
    ("num_fewshot", {"num_fewshot": 2}),
    ("fewshot_as_multiturn", {"fewshot_as_multiturn": True}),
    ("system_instruction", {"system_instruction": "You are a radiologist."}),
    ("apply_chat_template", {"apply_chat_template": True}),
    ("max_tokens", {"max_tokens": 16}),
    ("baseline", {"baseline": "runs/samples.jsonl"}),
]
ASK = ("--model", "huatuo_plain", "--tasks", "vqa_demo_hard")
DEMO = (*ASK, "--model_args", "pretrained=demo")


class Foreign(lmms):
    """A model that must not be asked."""

    is_simple = False

    def generate_until(self, requests: list[Any]) -> list[str]:
        raise AssertionError("asked")

    loglikelihood = generate_until_multi_round = generate_until


def refused(side: str) -> list[Any]:
    return [
        pytest.param(name, arguments, id=str(arguments))
        for name, arguments in REFUSED
        if getattr(OPTIONS[name], side) == "refused"
    ]


# --- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_knows_every_option_of_lmms_eval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lmms-eval"])
    parser, _ = host.parse_eval_args()
    assert {action.dest for action in parser._actions} - {"help"} == set(OPTIONS)


def test_the_table_knows_every_argument_of_simple_evaluate() -> None:
    assert set(inspect.signature(evaluator.simple_evaluate).parameters) - PYTHON_ONLY <= set(OPTIONS)
    assert set(inspect.signature(evaluator.simple_evaluate).parameters) >= PYTHON_ONLY


def test_defaults_of_lmms_eval_ask_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every run would be refused, or marked."""
    monkeypatch.setattr(sys, "argv", ["lmms-eval"])
    _, defaults = host.parse_eval_args()
    defaults.seed = (
        [int(value) for value in defaults.seed.split(",")] if isinstance(defaults.seed, str) else defaults.seed
    )
    acted_on = [name for name, option in OPTIONS.items() if {option.models, option.tasks} & {"refused", "recorded"}]
    assert len(acted_on) > 10
    assert [name for name in acted_on if getattr(defaults, name) not in OPTIONS[name].unset] == []


def test_every_refused_option_is_tried_here() -> None:
    assert {name for name, _ in REFUSED} == {
        name for name, option in OPTIONS.items() if "refused" in (option.models, option.tasks)
    }


def test_the_page_shows_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "host_options.md"
    assert host_options.as_markdown() in page.read_text(encoding="utf-8")


def test_outside_of_an_evaluation_nothing_is_given() -> None:
    assert host_options.given() == {}
    host_options.refuse("models")


# --- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arguments"), refused("models"))
def test_our_models_refuse_it_before_weights_are_read(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(RunFailed, match=f"^lmms_vg: --{name}.*{re.escape(OPTIONS[name].why)}"):
        hosting.evaluated("huatuo_plain", "vqa_demo_hard", model_args="pretrained=/nowhere", **arguments)


@pytest.mark.parametrize(("name", "arguments"), refused("tasks"))
def test_our_tasks_refuse_it_before_another_model_is_asked(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(RunFailed, match=f"^lmms_vg: --{name}.*{re.escape(OPTIONS[name].why)}"):
        hosting.evaluated(Foreign(), "vqa_demo_hard", **arguments)


def test_all_that_are_refused_are_named() -> None:
    with pytest.raises(RunFailed, match=r"--use_cache cache: .*; --max_tokens 16: "):
        hosting.evaluated("huatuo_plain", "vqa_demo_hard", use_cache="cache", max_tokens=16)


def test_a_model_that_was_made_before_refuses_it_too() -> None:
    model = huatuo_plain(pretrained="demo")
    with pytest.raises(RunFailed, match="--max_tokens 16"):
        hosting.evaluated(model, "vqa_demo_hard", max_tokens=16)
    model.clean()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((*DEMO, "--use_cache", "cache"), "--use_cache cache"),
        ((*DEMO, "--cache_requests", "delete"), "--cache_requests delete"),
        ((*DEMO, "--apply_chat_template"), "--apply_chat_template: "),
        ((*DEMO, "--num_fewshot", "1"), "--num_fewshot 1"),
        ((*DEMO, "--gen_kwargs", "num_beams=3"), "num_beams=3"),
        ((*DEMO, "--gen_kwargs", "max_new_tokens=0"), "max_new_tokens=0"),
        ((*DEMO, "--gen_kwargs", "max_new_tokens=ten"), "--gen_kwargs: "),
        ((*DEMO, "--gen_kwargs", "beams=3"), "beams"),
        ((*DEMO, "--batch_size", "auto:4"), "batch_size='auto:4': allowed is a positive integer"),
        ((*DEMO, "--device", "tpu"), "device='tpu'"),
        ((*ASK, "--model_args", "pretrained=demo,k=3"), "k not known"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lmms_evals_command_line_ends_in_one_line(
    arguments: tuple[str, ...],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Python prints a SystemExit and exits with 1; lmms-eval turns an exception into a traceback and status 0."""
    hosting.light(monkeypatch, tmp_path)
    message = hosting.command_line(monkeypatch, *arguments)
    assert isinstance(message, str)
    assert named in message
    assert "\n" not in message
    assert "Traceback" not in "".join(capsys.readouterr())


def test_settings_that_are_wrong_only_together_with_the_tasks_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's answers have at most 16 tokens."""
    hosting.light(monkeypatch, tmp_path)
    message = hosting.command_line(monkeypatch, *DEMO, "--limit", "1", "--gen_kwargs", "min_new_tokens=20")
    assert message.startswith("lmms_vg: vqa_demo_hard: generation setting min_new_tokens=20")


def test_another_seed_is_refused_where_answers_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosting.light(monkeypatch, tmp_path)
    sampled = ("--limit", "1", "--gen_kwargs", "do_sample=true,temperature=1")
    assert "--seed [7, 7, 7, 7]: " in hosting.command_line(monkeypatch, *DEMO, *sampled, "--seed", "7")
    assert hosting.command_line(monkeypatch, *DEMO, *sampled) is None


# --- recorded, honoured ------------------------------------------------------------------------------------------------


def test_what_is_recorded_stands_in_samples_and_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosting.light(monkeypatch, tmp_path)
    options = {"limit": "2", "offset": "1", "repeats": "2", "seed": "7"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    out = ("--output_path", str(tmp_path / "out"), "--log_samples")
    assert hosting.command_line(monkeypatch, *DEMO, *arguments, *out) is None
    first, second = hosting.samples(tmp_path / "out", "vqa_demo_hard")
    assert first["n"]["host_options"] == {
        "limit": 2.0,
        "offset": 1,
        "repeats": 2,
        "seed": [7, 7, 7, 7],
    }
    assert "host_options" not in second["n"]
    assert "host_options" not in first["n"]["run"], "bundles copy `run` unchanged"
    summary = capsys.readouterr().out
    for name in options:
        assert re.search(rf"lmms_vg summary: --{name} .*{re.escape(OPTIONS[name].why)}", summary), name
    assert {name for name, option in OPTIONS.items() if option.models == "recorded"} == {*options, "predict_only"}


def test_answers_without_scores_are_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosting.light(monkeypatch, tmp_path)
    out = ("--predict_only", "--output_path", str(tmp_path / "out"))
    assert hosting.command_line(monkeypatch, *DEMO, "--limit", "1", *out) is None
    (line,) = hosting.samples(tmp_path / "out", "vqa_demo_hard")
    assert "acc" not in line
    assert re.search(rf"lmms_vg summary: --predict_only: {OPTIONS['predict_only'].why}", capsys.readouterr().out)


def test_of_repeated_answers_the_first_counts() -> None:
    """lmms-eval scores the first text, so the record must be the first too."""
    results = hosting.evaluated(
        "huatuo_plain",
        "vgmed_demo",
        model_args="pretrained=demo",
        limit=2,
        repeats=3,
        gen_kwargs="do_sample=true,temperature=5,max_new_tokens=4",
    )
    lines = results["samples"]["vgmed_demo"]
    assert len({answer["text"] for answer in hosting.journalled(journal.home())}) > len(lines), "they differ"
    for line in lines:
        record = journal.recall("vgmed_demo", line["ar"]["uid"])
        assert record is not None
        assert record.text.strip() == line["filtered_resps"][0].strip() == line["resps"][0].strip()


def test_batch_size_and_generation_settings_reach_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("LMMS_VG_HOME", str(home))
    hosting.light(monkeypatch, tmp_path)
    options = ("--limit", "2", "--batch_size", "2", "--device", "cpu", "--gen_kwargs", "max_new_tokens=1")
    assert hosting.command_line(monkeypatch, *DEMO, *options) is None
    answers = hosting.journalled(home)
    assert [answer["decoding"]["max_new_tokens"] for answer in answers] == [1, 1]
    (path,) = home.rglob("rank0.jsonl")
    run = json.loads(path.read_text().splitlines()[0])["run"]
    assert (run["batch_size"], run["device"]) == (2, "cpu")


@pytest.mark.parametrize(
    ("given", "used"), [((), "auto"), (("--batch_size", "1"), 1), (("--batch_size", "auto"), "auto")]
)
def test_a_batch_size_that_nobody_gave_is_ours_to_choose(
    given: tuple[str, ...], used: int | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lmms-eval's command line passes 1 in any case; here the default of the device is auto, as on CUDA."""
    home = tmp_path / "home"
    monkeypatch.setenv("LMMS_VG_HOME", str(home))
    monkeypatch.setattr(build, "default_batch_size", lambda device: "auto")
    hosting.light(monkeypatch, tmp_path)
    options = ("--limit", "2", "--device", "cpu", "--gen_kwargs", "max_new_tokens=1", *given)
    assert hosting.command_line(monkeypatch, *DEMO, *options) is None
    (path,) = home.rglob("rank0.jsonl")
    first, *records = (json.loads(line) for line in path.read_text().splitlines())
    assert first["run"]["batch_size"] == first["run"]["settings"]["batch_size"] == used
    assert [record["batch"] for record in records] == ([1, 1] if used == 1 else [2, 2])


def test_in_python_every_batch_size_was_asked_for() -> None:
    assert passed({"batch_size": 1, "max_batch_size": None, "device": "cpu"}) == {"batch_size": 1, "device": "cpu"}
