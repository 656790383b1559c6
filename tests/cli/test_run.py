"""`lmms-vg run --control` is short for a model argument, and controls are listed apart from methods."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import lmms_eval.__main__ as host
import pytest
from own_files import ROW, write

from lmms_vg.cli.main import main
from lmms_vg.cli.run import run
from lmms_vg.experiments import lmms_eval_process
from lmms_vg.host.local_time import local_zone
from lmms_vg.inference.image_controls import CONTROLS
from lmms_vg.journal import home


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The arguments that lmms-eval would get."""
    calls: list[list[str]] = []
    monkeypatch.setattr(lmms_eval_process, "run", lambda arguments: calls.append(list(arguments)) or 0)
    return calls


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["control=no_image"]),
        (["--model_args", "pretrained=demo"], ["pretrained=demo,control=no_image"]),
        (["--model_args=pretrained=demo,dtype=float32"], ["pretrained=demo,dtype=float32,control=no_image"]),
    ],
)
def test_a_control_becomes_a_model_argument(given: list[list[str]], arguments: list[str], expected: list[str]) -> None:
    assert run(["--model", "huatuo_plain", *arguments, "--control", "no_image", "--limit", "3"]) == 0
    assert given[0][5:] == ["--model", "huatuo_plain", "--limit", "3", "--model_args", *expected]


def test_what_is_given_stands_behind_what_is_added_and_overrides_it(
    given: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--model", "huatuo_plain", "--model_args", "pretrained=demo", "--output_path", "out"]
    assert run(arguments) == 0
    folder = str(home() / "runs" / "huatuo_plain")
    assert given == [["--output_path", folder, "--log_samples", "--timezone", local_zone(), *arguments]]
    monkeypatch.setattr(sys, "argv", ["lmms-eval", *given[0]])
    assert host.parse_eval_args()[1].output_path == "out"


def test_a_configuration_file_is_not_overridden(given: list[list[str]]) -> None:
    """lmms-eval prefers the command line to the file."""
    assert run(["--config", "a.yaml"]) == 0
    assert given == [["--config", "a.yaml"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--control", "blank"], "did you mean blank_image"),
        (["--control", "no_image", "--model_args", "control=blank_image"], "has a control, too"),
        (["--control", "no_image", "--config", "a.yaml"], "write control=no_image into model_args"),
    ],
)
def test_what_is_refused(
    given: list[list[str]], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--model", "huatuo_plain", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert given == []


def test_controls_are_listed_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    methods, _, controls = capsys.readouterr().out.partition("--control NAME")
    for name in CONTROLS:
        assert f"| {name} |" in controls
        assert f"| {name} |" not in methods


@pytest.mark.parametrize(
    "wrong", [["--model", "huatuo_vgrefin"], ["--model", "huatuo_vgrefine", "--model_args", "kk=5"]]
)
def test_what_is_misspelt_is_said_before_own_questions_are_read(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LMMS_VG_OWN", "")
    monkeypatch.setattr("lmms_vg.tasks.own_tasks.read", lambda _: pytest.fail("it was read"))
    assert run([*wrong, "--data", str(write(tmp_path, ROW))]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_own_questions_become_a_task(
    given: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(write(tmp_path, ROW))
    model = ["--model", "huatuo_plain"]
    assert run([*model, "--data", path]) == 0
    assert os.environ["LMMS_VG_OWN"] == path
    assert run([*model, "--tasks", "own_mine_grounding", f"--data={path}"]) == 0
    assert [arguments[-4:] for arguments in given] == [
        [*model, "--tasks", "own"],
        [*model, "--tasks", "own_mine_grounding"],
    ]
    assert run([*model, "--data", str(tmp_path / "gone.jsonl")]) == 2
    assert f"--data {tmp_path / 'gone.jsonl'}: did you mean mine.jsonl? there is no gone" in capsys.readouterr().err
    monkeypatch.setenv("LMMS_VG_OWN", "")
    assert run([*model, "--tasks", "own"]) == 2
    assert "--data mine.jsonl" in capsys.readouterr().err
    assert len(given) == 2
