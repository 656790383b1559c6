"""Where lmms-eval's command line runs us, however it was started, and how it ends over misspelt names."""

from __future__ import annotations

import importlib.machinery
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import warm

from lmms_vg.host.callers import command_line, variables_of

CODE = "def cli_evaluate(args):\n    return found()\n"
PROGRAMS = {"lmms-eval": ("lmms-eval",), "python -m": ("python", "-m", "lmms_eval")}


def running(**names: Any) -> Any:
    """What `command_line` finds in a module with these names."""
    module = {"found": command_line} | names
    exec(CODE, module)
    return module["cli_evaluate"](7)


def test_the_command_line_is_found_under_both_names() -> None:
    assert running(__name__="lmms_eval.__main__") == {"args": 7}
    spec = importlib.machinery.ModuleSpec("lmms_eval.__main__", None)
    assert running(__name__="__main__", __spec__=spec) == {"args": 7}


def test_other_programs_are_not_lmms_eval() -> None:
    assert running(__name__="__main__") is None
    assert running(__name__="__main__", __spec__=importlib.machinery.ModuleSpec("other.__main__", None)) is None
    assert variables_of("lmms_eval.__main__", "cli_evaluate") is None


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("program", "model", "task", "said"),
    [
        ("lmms-eval", "huatuo_vgrefine", "vqa_dmeo", "--tasks vqa_dmeo: did you mean vqa_demo?"),
        ("python -m", "huatuo_vgrefin", "vqa_demo", "--model huatuo_vgrefin: did you mean huatuo_vgrefine?"),
    ],
)
def test_a_misspelt_name_ends_before_weights_are_looked_for(
    tmp_path: Path, program: str, model: str, task: str, said: str
) -> None:
    nowhere = str(tmp_path / "no checkpoint")
    done = subprocess.run(
        [
            warm.programs() / PROGRAMS[program][0],
            *PROGRAMS[program][1:],
            "--model",
            model,
            "--model_args",
            f"pretrained={nowhere}",
            "--tasks",
            task,
        ],
        env=os.environ | {"LMMS_VG_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert nowhere not in done.stderr.replace(f"pretrained={nowhere}", ""), "the checkpoint was looked for"
    assert not list((tmp_path / "home").rglob("*.jsonl"))
