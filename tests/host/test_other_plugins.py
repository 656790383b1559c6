"""With other plugins of lmms-eval, installed as by pip: their hooks and ours both act, and a broken plugin is named."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import warm
from loguru import logger

from lmms_vg import plugin

#: A hook like ours: a finder before all others that asks `PathFinder` itself. It counts how often it acts.
HOOK = """
import importlib.machinery, sys

class Wait:
    def find_spec(self, name, path, target=None):
        if name != "lmms_eval.tasks":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module
        def execute_and_mark(module):
            execute(module)
            module.marked_by_theirs = getattr(module, "marked_by_theirs", 0) + 1
        spec.loader.exec_module = execute_and_mark
        return spec

def manifests():
    sys.meta_path.insert(0, Wait())
    return []

def raises():
    raise ValueError("their plugin is broken")
"""

PROBE = """
import json, sys
import lmms_eval.evaluator
import lmms_eval.tasks
waiting = [type(finder).__name__ for finder in sys.meta_path if type(finder).__name__ in ("_WaitForTasks", "Wait")]
theirs = getattr(lmms_eval.tasks, "marked_by_theirs", 0)
ours = getattr(lmms_eval.tasks.TaskManager.initialize_tasks, "adds_lmms_vg", False)
print(json.dumps([theirs, ours, waiting]))
"""


def install(folder: Path, name: str, function: str) -> dict[str, str]:
    """Write a distribution with one entry point; return the environment that finds it, before all others."""
    folder.mkdir()
    (folder / f"{name}_code.py").write_text(HOOK)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[lmms_eval.models]\n{name} = {name}_code:{function}\n")
    return os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def after_ours(environment: dict[str, str]) -> dict[str, str]:
    """Put our entry point before theirs: they are loaded in the order of the path."""
    theirs, _, rest = environment["PYTHONPATH"].partition(os.pathsep)
    ours = install(Path(theirs).parent / "ours", "ours", "manifests")["PYTHONPATH"].partition(os.pathsep)[0]
    (Path(ours) / "ours-1.0.dist-info" / "entry_points.txt").write_text(
        "[lmms_eval.models]\nours = lmms_vg.plugin:manifests\n"
    )
    return environment | {"PYTHONPATH": os.pathsep.join([ours, theirs, rest])}


@pytest.mark.e2e
@pytest.mark.parametrize("ours_first", [True, False])
def test_both_hooks_act(tmp_path: Path, ours_first: bool) -> None:
    environment = install(tmp_path / "theirs", "theirs", "manifests")
    if ours_first:
        environment = after_ours(environment)
    done = subprocess.run(
        [warm.programs() / "python", "-c", PROBE],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [1, True, []]


@pytest.mark.e2e
def test_one_that_fails_before_ours_is_named_by_run(tmp_path: Path) -> None:
    environment = install(tmp_path / "theirs", "theirs", "raises")
    command = [warm.programs() / "lmms-vg", "run", "--model", "huatuo_plain", "--tasks", "vqa_demo_hard"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=tmp_path)
    assert done.returncode == 1
    said, line = [line for line in done.stderr.splitlines() if line.startswith("lmms-vg: ")]
    assert said == "lmms-vg: importing torch and lmms-eval ..."
    assert "entry point theirs of theirs fails" in line
    assert "ValueError: their plugin" in line


# --- a host that loads tasks of plugins itself ---------------------------------------------------------------------------


def future(load: bool) -> ModuleType:
    """`lmms_eval.tasks` of a future lmms-eval with the entry-point group of docs/host_options.md."""
    folders = [entry.load()() for entry in entry_points(group="lmms_eval.tasks", name="lmms_vg")] if load else []

    class TaskManager:
        def __init__(self) -> None:
            self.index = self.initialize_tasks()

        def initialize_tasks(self) -> dict[str, Any]:
            index: dict[str, Any] = {"mme": {"yaml_path": "/host/mme.yaml"}}
            for folder in folders:
                index |= self._get_task_and_group(folder)
            return index

        def _get_task_and_group(self, folder: str) -> dict[str, Any]:
            return {path.stem: {"yaml_path": str(path), "by": type(self)} for path in Path(folder).rglob("*.yaml")}

    module = ModuleType("lmms_eval.tasks")
    module.TaskManager = TaskManager  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("load", [True, False])
def test_the_hook_steps_back_where_the_host_has_our_folder(load: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    module = future(load)
    messages: list[str] = []
    monkeypatch.setattr(logger, "info", messages.append)
    plugin.add_tasks(module)
    index = module.TaskManager().index  # type: ignore[attr-defined]
    assert {"mme", "slake", "vgmed_demo"} <= index.keys()
    assert bool(messages) == (not load)


def test_the_entry_point_is_the_folder_of_the_tasks() -> None:
    assert (Path(plugin.task_folder()) / "vgmed_demo" / "vgmed_demo.yaml").is_file()


@pytest.mark.e2e
def test_the_hosts_list_has_our_tasks_with_their_folder(tmp_path: Path) -> None:
    """As docs/host_options.md says: `lmms-eval tasks list` loads no plugin. Its files are read in C, which is faster."""
    shown = subprocess.run(
        [warm.programs() / "lmms-vg", "tasks", "--path"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    script = (
        "import sys, lmms_eval.tasks as tasks; from lmms_eval.cli.dispatch import main; from lmms_vg.host import task_files\n"
        "sys.argv[0] = 'lmms-eval'\nwith task_files.fast(tasks): main()"
    )
    command = [warm.programs() / "python", "-c", script, "tasks", "list", "--include-path", shown.stdout.strip()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"slake_closed", "vgmed_demo"} <= {*done.stdout.replace("|", " ").split()}
