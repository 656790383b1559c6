"""Our YAML files, read without lmms-eval, state the same as lmms-eval reads in them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from lmms_eval.tasks import TaskManager
from lmms_eval.utils import load_yaml_config

from lmms_vg import plugin
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition, groups, tasks


@pytest.fixture(scope="module")
def manager() -> Any:
    return TaskManager("ERROR", include_path=str(plugin.TASK_FOLDER), include_defaults=False)


def plain(value: Any) -> Any:
    """Readers are created anew at each look-up, so they are compared by their text."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else str(value) if callable(value) else value


def test_names(manager: Any) -> None:
    assert tasks() == set(manager.all_subtasks)
    assert groups().keys() == set(manager.all_groups)
    assert tasks() < TASKS.keys(), "demo_calibration is read, and no task"


@pytest.mark.parametrize("name", sorted([*tasks(), *groups()]))
def test_as_lmms_eval_reads_them(manager: Any, name: str) -> None:
    expected = load_yaml_config(manager.task_index[name]["yaml_path"])
    ours = definition(name)
    for config in (expected, ours := dict(ours)):
        config.pop("process_docs", None)
        config.pop("dataset_kwargs", None)  # lmms-eval makes its paths absolute
    assert plain(ours) == plain(expected)


def test_members_of_groups() -> None:
    assert groups()["vqa_demo"] == ["vqa_demo_standard", "vqa_demo_hard"]
    assert all(set(members) <= tasks() for members in groups().values())


def test_a_name_that_is_not_ours() -> None:
    with pytest.raises(KeyError):
        definition("mme")


@pytest.mark.e2e
def test_nothing_heavy_is_imported() -> None:
    """A stranger's bundle is checked in a process without torch and lmms-eval."""
    code = (
        "import sys; from lmms_vg.submission import validate; from lmms_vg.tasks.yaml_files import *\n"
        "[definition(name) for name in (*tasks(), *groups())]\n"
        "print([name for name in ('torch', 'transformers', 'lmms_eval', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
