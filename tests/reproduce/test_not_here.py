"""Rows of models that no installed family runs: their reasons, lmms-eval's command for them, and its results."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest
from lmms_eval.utils import simple_parse_args_string
from saved_run import closed, save

from lmms_vg.reproduce import reproduce as running
from lmms_vg.reproduce.not_here import AskElsewhere
from lmms_vg.reproduce.plan import Plan, make
from lmms_vg.reproduce.plan_report import announce
from lmms_vg.reproduce.reproduce import reproduce

TASKS = ["vqa_rad_closed", "slake_closed", "pathvqa_closed", "pmc_vqa"]


def plan(out: Path, name: str = "table1", model_args: str = "") -> Plan:
    return make(name, None, None, model_args, out)


def elsewhere(made: Plan) -> dict[str, AskElsewhere]:
    return {ask.name: ask for ask in made.elsewhere}


def options(command: str) -> dict[str, str]:
    """The options of a command line, without a shell's surprises."""
    words = shlex.split(command)
    assert words.pop(0) == "lmms-eval"
    assert words.pop() == "--log_samples"
    return dict(zip(words[::2], words[1::2], strict=True))


def test_a_command_asks_the_targets_tasks_of_lmms_evals_model(tmp_path: Path) -> None:
    asked = elsewhere(plan(tmp_path, model_args="device_map=auto"))
    given = options(asked["Qwen-VL-Chat"].command)
    assert given["--model"] == "qwen_vl"
    assert simple_parse_args_string(given["--model_args"]) == {"pretrained": "Qwen/Qwen-VL-Chat", "device_map": "auto"}
    assert given["--tasks"].split(",") == TASKS
    assert given["--output_path"] == str(tmp_path / "qwen-vl-chat")
    shown = announce(plan(tmp_path))
    for name in ("Qwen-VL-Chat", "LLaVA-v1.6-7B", "LLaVA-Med-7B"):
        assert elsewhere(plan(tmp_path))[name].command in shown
    assert [name for name, ask in asked.items() if not ask.command] == ["Med-Flamingo", "RadFM", "LLaVA-Tri"]
    assert all(f"- {name}: {ask.why}" in shown for name, ask in asked.items())


def test_a_row_runs_as_soon_as_its_family_is_installed(installed: dict[str, Any], tmp_path: Path) -> None:
    before = plan(tmp_path)
    assert "llava_next is not installed" in elsewhere(before)["LLaVA-v1.6-7B"].why
    installed["llava_next"] = None
    after = plan(tmp_path)
    assert [ask.model for ask in after.asks] == ["huatuo_plain", "huatuo_vgrefine", "llava_next_plain"]
    assert "LLaVA-v1.6-7B" not in elsewhere(after)


def test_qwen_is_measured_at_the_authors_size(installed: dict[str, Any], tmp_path: Path) -> None:
    assert plan(tmp_path, "figQ26").asks == []
    assert "No row runs here" in announce(plan(tmp_path, "figQ26"))
    installed |= dict.fromkeys(("qwen_vl", "internvl"))
    qwen, intern = plan(tmp_path, "figQ26", "dtype=bfloat16").asks
    assert qwen.model_args == "pretrained=Qwen/Qwen2.5-VL-7B-Instruct,min_pixels=784,max_pixels=50176,dtype=bfloat16"
    assert intern.model == "internvl_plain"


def test_the_demo_model_answers_for_families_that_cannot_load_it(installed: dict[str, Any], tmp_path: Path) -> None:
    installed |= dict.fromkeys(("qwen_vl", "internvl"))
    asked = make("figQ26", "demo", "demo", "", tmp_path).asks
    assert [(ask.model, ask.model_args) for ask in asked] == [("llava_plain", "pretrained=demo")] * 2


def test_accuracy_is_no_help_for_a_figure_or_with_phantoms(tmp_path: Path) -> None:
    for made in (plan(tmp_path, "fig3"), make("table1", None, "demo", "", tmp_path)):
        assert made.elsewhere
        assert not any(ask.command for ask in made.elsewhere)
        assert "lmms-eval --model" not in announce(made)


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run_together", lambda *_: {})
    monkeypatch.setattr(running, "_readable", lambda tasks: (list(tasks), {}))


def saved(out: Path, **config: Any) -> Path:
    """The run that the command of Qwen-VL-Chat leaves: every second answer is right."""
    lines = {task: [closed(f"{task}{i}", i % 2, f"x{i}") for i in range(6)] for task in TASKS}
    given = {"model": "qwen_vl", "model_args": "pretrained=Qwen/Qwen-VL-Chat"} | config
    return save(out / "qwen-vl-chat", lines, **given)


@pytest.mark.usefixtures("nothing_runs")
def test_its_cells_are_compared_too(tmp_path: Path) -> None:
    path = saved(tmp_path)
    asked = elsewhere(plan(tmp_path))["Qwen-VL-Chat"]
    assert asked.run is not None
    shown = announce(plan(tmp_path))
    assert f"run with lmms-eval's `qwen_vl`: `{path.name}`" in shown
    assert asked.command not in shown
    text, _ = reproduce(plan(tmp_path), [], lambda *_: pytest.fail("a table has no study"))
    assert "| Qwen-VL-Chat | VQA-RAD | 47.0 | 50.00 [" in text
    assert f"Qwen-VL-Chat: `{path.name}`, qwen_vl (pretrained=Qwen/Qwen-VL-Chat), a model of lmms-eval" in text
    with (tmp_path / "table1.csv").open(encoding="utf-8") as file:
        (line,) = [one for one in csv.DictReader(file) if (one["row"], one["column"]) == ("Qwen-VL-Chat", "Avg.")]
    assert (line["paper"], line["ours"], line["n"]) == ("48.9", "50.0", "24")


@pytest.mark.parametrize("config", [{"limit": 6}, {"model": "qwen2_vl"}, {"model_args": "pretrained=Qwen/Qwen-VL"}])
def test_a_trial_or_another_run_is_not_the_row(tmp_path: Path, config: dict[str, Any]) -> None:
    saved(tmp_path, **config)
    assert elsewhere(plan(tmp_path))["Qwen-VL-Chat"].run is None
