"""Misspelt models and tasks are reported before lmms-eval is imported; names that may be known are left to it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from distributions import found, install

from lmms_vg.cli.main import main
from lmms_vg.cli.unknown_names import unknown_name
from lmms_vg.extensions.registered import model_ids
from lmms_vg.tasks.yaml_files import groups, tasks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "vgmedd"], "--tasks vgmedd: did you mean vgmed? "),
        (["--tasks=vgmed,slaek"], "--tasks slaek: did you mean slake? "),
        (["--model", "huatuo_vgrefin", "--tasks", "vgmed"], "--model huatuo_vgrefin: did you mean huatuo_vgrefine? "),
        (["--model", "qwen2_5_vll"], "--model qwen2_5_vll: did you mean qwen2_5_vl? "),
    ],
)
def test_misspelt(arguments: list[str], message: str) -> None:
    assert unknown_name(arguments).startswith(message)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "huatuo", "--tasks", "vgmed,slake,mme,mmmu_val"],
        ["--model", "llava_hf", "--tasks", "list"],
        ["--tasks", "vgmed_*"],
        ["--tasks", "my/task.yaml"],
        ["--tasks", "mine", "--include_path", "folder"],
        ["--tasks", "mine", "--config", "file.yaml"],
        ["--help"],
        [],
    ],
)
def test_left_to_lmms_eval(arguments: list[str]) -> None:
    assert unknown_name(arguments) == ""


def test_every_name_of_ours_is_known() -> None:
    for name in model_ids():
        assert unknown_name(["--model", name]) == ""
    assert unknown_name(["--tasks", ",".join([*groups(), *tasks()])]) == ""


def test_methods_of_others_are_known_and_suggested(tmp_path: Path) -> None:
    install(tmp_path, "theirs", {"methods:sharpen": "theirs:Sharpen"})
    with found(tmp_path):
        assert unknown_name(["--model", "huatuo_sharpen"]) == ""
        assert unknown_name(["--model", "huatuo_sharpn"]).startswith(
            "--model huatuo_sharpn: did you mean huatuo_sharpen? "
        )


def test_names_of_other_plugins_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = metadata.EntryPoint("theirs", "theirs:models", "lmms_eval.models")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == entry.group else [])
    assert unknown_name(["--model", "theirs_7b"]) == ""
    assert unknown_name(["--tasks", "vgmedd"])


def test_a_family_is_left_to_joint_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--methods", "plain", "--model", "huatou", "--output_path", "out", "--tasks", "vgmed"]) == 2
    assert "--model (with --methods, a family) huatou: did you mean huatuo?" in capsys.readouterr().err


@pytest.mark.e2e
def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from lmms_vg.cli.main import main; status = main(sys.argv[1:]); "
        "print(sorted({'torch', 'lmms_eval', 'transformers', 'datasets'} & set(sys.modules))); sys.exit(status)"
    )
    for arguments in (["--model", "huatuo", "--tasks", "vgmedd"], ["--model", "huatuo_vgrefin", "--tasks", "vgmed"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "run", *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "[]\n"), done.stderr
