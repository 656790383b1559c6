"""A dry run of `lmms-vg run` counts questions, names downloads and models the time, and runs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmms_vg.cli.main import main
from lmms_vg.experiments import joint_run
from lmms_vg.reproduce import cost
from lmms_vg.reproduce.checkpoints import Checkpoint
from lmms_vg.reproduce.forecast import forecast
from lmms_vg.tasks.registry import TASKS


def test_groups_are_their_tasks_each_once() -> None:
    lines = list(forecast("llava", ["plain", "pai"], "demo", ["vqa_demo", "vqa_demo_hard", "mme"]))
    rows = {name: int(n) for name, n, _ in (line.split() for line in lines if line.startswith("vqa_demo_"))}
    assert rows == {name: TASKS[name].n for name in ("vqa_demo_standard", "vqa_demo_hard")}
    assert f"{sum(rows.values())} questions for each of 2 methods" in "\n".join(lines)
    assert "not counted, because they are not tasks of lmms_vg: mme" in lines


def test_the_embedded_model_is_here_and_nothing_is_to_be_downloaded() -> None:
    lines = list(forecast("llava", ["plain"], "demo", ["vqa_demo"]))
    (line,) = [line for line in lines if line.startswith("  demo: ")]
    assert line.endswith(" MB here")
    assert not any("MISSING" in line for line in lines)


def test_the_time_of_a_known_checkpoint_is_that_of_the_cost_model(monkeypatch: pytest.MonkeyPatch) -> None:
    known = "llava-hf/llava-1.5-7b-hf"
    monkeypatch.setattr("lmms_vg.reproduce.forecast.own_checkpoint", lambda *_: unweighed(known))
    lines = list(forecast("llava", ["plain", "vcd"], known, ["slake_closed"]))
    modelled = cost.Constants.modelled(7.1, cost.H100).seconds("plain", 2781, 641)
    assert any(line.startswith(f"time: {cost.spoken(2 * modelled)} on one H100") for line in lines)
    assert "  counted as plain, because their cost is not modelled: vcd" in lines
    assert (
        "memory: weights 14.2 GB in bfloat16, 28.4 GB in float32 (a CPU); batch_size=auto fills what is left" in lines
    )


def unweighed(pretrained: str) -> Checkpoint:
    """A checkpoint whose weights are not here."""
    return Checkpoint("llava", pretrained, 0.0, 32, 32)


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmms_vg.reproduce.forecast.own_checkpoint", lambda *_: unweighed("some/model"))
    lines = list(forecast("llava", ["plain"], "some/model", ["vqa_demo"]))
    assert "time: not known, as the weights are not here" in lines
    assert any(line.startswith("  some/model: size not known") for line in lines)


def test_the_command_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(joint_run, "run_together", lambda *_: pytest.fail("it was run"))
    out = ["--output_path", str(tmp_path / "out")]
    joint = [
        "--methods",
        "plain,vgrefine",
        "--model",
        "huatuo",
        "--model_args",
        "pretrained=demo",
        "--tasks",
        "vqa_demo",
    ]
    assert main(["run", "--dry-run", *joint, *out]) == 0
    assert capsys.readouterr().out.startswith("nothing is run\n")
    assert not (tmp_path / "out").exists()
    assert main(["run", "--dry-run", "--model", "llava_hf", "--tasks", "vqa_demo"]) == 2
    assert "--dry-run: --model 'llava_hf' is not ours" in capsys.readouterr().err
