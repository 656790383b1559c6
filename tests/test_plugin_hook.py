"""The hook that adds our tasks, on made-up hosts: once, harmless to other plugins, and with a remedy for what a host lacks."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from lmms_eval.models.registry_v2 import ModelManifest, ModelRegistryV2
from loguru import logger

from lmms_vg import plugin
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host.failure import RunFailed

REMEDY = '--include_path "$(lmms-vg tasks --path)"'


@pytest.fixture
def heard() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line).strip()), level="INFO", format="{level} {message}")
    yield lines
    logger.remove(sink)


def is_ours(path: str) -> bool:
    return Path(path).is_relative_to(plugin.TASK_FOLDER)


class Manager:
    """The part of lmms-eval's TaskManager that is wrapped; `slake` and `mme` are its own tasks."""

    def __init__(self, **options: Any) -> None:
        self.index = self.initialize_tasks(**options)

    def initialize_tasks(self, include_path: str | None = None, include_defaults: bool = True) -> dict[str, Any]:
        own = {"slake": {"yaml_path": "/host/slake.yaml"}, "mme": {"yaml_path": "/host/mme.yaml"}}
        return {**(own if include_defaults else {}), **(self._get_task_and_group(include_path) if include_path else {})}

    def _get_task_and_group(self, folder: str) -> dict[str, Any]:
        return {file.stem: {"yaml_path": str(file)} for file in Path(folder).rglob("*.yaml")}


def host(manager: type | None = Manager) -> ModuleType:
    """Return a stand-in for the module `lmms_eval.tasks`."""
    module = ModuleType("lmms_eval.tasks")
    if manager is not None:
        module.TaskManager = type("TaskManager", (manager,), dict(vars(manager)))
    return module


def test_a_module_is_wrapped_once(heard: list[str]) -> None:
    module = host()
    plugin.add_tasks(module)
    wrapped = module.TaskManager.initialize_tasks
    plugin.add_tasks(module)
    assert module.TaskManager.initialize_tasks is wrapped
    assert is_ours(module.TaskManager().index["slake"]["yaml_path"])
    assert len(heard) == 1


def test_who_asks_for_no_defaults_gets_none(heard: list[str]) -> None:
    module = host()
    plugin.add_tasks(module)
    assert module.TaskManager(include_defaults=False).index == {}
    assert set(module.TaskManager(include_defaults=False, include_path=str(plugin.TASK_FOLDER / "vgmed")).index) == {
        "vgmed",
        "vgmed_localization",
        "vgmed_attribute",
    }
    assert heard == []


def test_our_folder_given_by_hand_is_not_reported_as_replaced(heard: list[str]) -> None:
    module = host()
    plugin.add_tasks(module)
    assert is_ours(module.TaskManager(include_path=str(plugin.TASK_FOLDER)).index["slake"]["yaml_path"])
    assert heard == [], "nothing had to be merged"


# --- a later lmms-eval ----------------------------------------------------------------------------------------------


def without(name: str) -> type:
    return type("Manager", (), {key: value for key, value in vars(Manager).items() if key != name})


@pytest.mark.parametrize(
    "manager",
    [None, without("initialize_tasks"), without("_get_task_and_group")],
    ids=["no TaskManager", "no initialize_tasks", "no _get_task_and_group"],
)
def test_what_is_gone_gives_a_warning_with_the_remedy(manager: type | None, heard: list[str]) -> None:
    plugin.add_tasks(host(manager))
    assert len(heard) == 1
    assert heard[0].startswith("WARNING")
    assert REMEDY in heard[0]


def test_a_scan_that_fails_leaves_the_index_as_it_was(heard: list[str]) -> None:
    class Changed(Manager):
        def initialize_tasks(self, **options: Any) -> dict[str, Any]:
            return {"mme": {"yaml_path": "/host/mme.yaml"}}

        def _get_task_and_group(self, folder: str, depth: int) -> dict[str, Any]:
            raise AssertionError("not reached: another signature")

    module = host(Changed)
    plugin.add_tasks(module)
    assert module.TaskManager().index == {"mme": {"yaml_path": "/host/mme.yaml"}}
    assert len(heard) == 1
    assert heard[0].startswith("WARNING")
    assert REMEDY in heard[0]


def test_an_error_of_the_host_stays_its_own() -> None:
    class Broken(Manager):
        def initialize_tasks(self, **options: Any) -> dict[str, Any]:
            raise ZeroDivisionError

    module = host(Broken)
    plugin.add_tasks(module)
    with pytest.raises(ZeroDivisionError):
        module.TaskManager()


def test_other_plugins_are_unharmed(monkeypatch: pytest.MonkeyPatch, heard: list[str]) -> None:
    """lmms-eval drops every plugin after one that raises."""
    monkeypatch.setitem(sys.modules, "lmms_eval.tasks", host(without("initialize_tasks")))
    other = ModelManifest(model_id="theirs", chat_class_path="a.b")
    registry = ModelRegistryV2()
    entries = [SimpleNamespace(load=lambda: plugin.manifests), SimpleNamespace(load=lambda: other)]
    monkeypatch.setattr(registry, "_select_entry_points", lambda group: entries)
    registry.load_entrypoint_manifests(overwrite=True)
    assert set(registry.list_canonical_model_ids()) == {*model_ids(), "theirs"}
    assert REMEDY in heard[0]


def test_listing_without_its_dictionaries_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lmms_eval.tasks", host())
    monkeypatch.setitem(sys.modules, "lmms_eval.models", ModuleType("lmms_eval.models"))
    assert [manifest.model_id for manifest in plugin.manifests()] == list(model_ids())


def test_tasks_already_imported_without_a_manager_give_a_warning(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setitem(sys.modules, "lmms_eval.tasks", host(None))
    plugin.manifests()
    assert any(REMEDY in line for line in heard)


def test_asking_where_the_tasks_are_does_not_use_up_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = plugin._WaitForTasks()
    monkeypatch.setattr(sys, "meta_path", [hook, *sys.meta_path])
    monkeypatch.delitem(sys.modules, "lmms_eval.tasks", raising=False)
    assert importlib.util.find_spec("lmms_eval.tasks") is not None
    assert hook in sys.meta_path


def test_the_hook_leaves_other_modules_alone_and_waits_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.delitem(sys.modules, "lmms_eval.tasks", raising=False)
    plugin._announce_tasks()
    plugin._announce_tasks()
    (hook,) = [finder for finder in sys.meta_path if isinstance(finder, plugin._WaitForTasks)]
    (tmp_path / "mme.py").touch()
    assert hook.find_spec("lmms_eval.tasks.mme", [str(tmp_path)]) is None
    assert hook in sys.meta_path


def test_a_host_without_tasks_gets_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: list[str]) -> None:
    hook = plugin._WaitForTasks()
    others = [finder for finder in sys.meta_path if not isinstance(finder, plugin._WaitForTasks)]
    monkeypatch.setattr(sys, "meta_path", [hook, *others])
    assert hook.find_spec("lmms_eval.tasks", [str(tmp_path)]) is None
    assert len(heard) == 1
    assert REMEDY in heard[0]


# --- misspelt names at lmms-eval's own command line -------------------------------------------------------------------------


def typed(**options: str) -> None:
    """What lmms-eval's command line does with these options until it has its index of tasks."""
    code = "def cli_evaluate_single(args):\n    manager()\n"
    module = host()
    plugin.add_tasks(module)
    names: dict[str, Any] = {"__name__": "lmms_eval.__main__", "manager": module.TaskManager}
    exec(code, names)
    names["cli_evaluate_single"](SimpleNamespace(**options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"model": "huatuo_vgrefin", "tasks": "mme"},
            "--model huatuo_vgrefin: did you mean huatuo_vgrefine? lmms-vg methods",
        ),
        (
            {"model": "huatuo", "tasks": "mme,vqa_dmeo"},
            "--tasks vqa_dmeo: did you mean vqa_demo? lmms-vg tasks lists ours",
        ),
        ({"model": "llava", "tasks": "slake_grounde"}, "--tasks slake_grounde: did you mean slake_grounded? "),
    ],
)
def test_what_is_most_like_ours_ends_the_run_before_weights_are_read(options: dict[str, str], said: str) -> None:
    with pytest.raises(RunFailed) as raised:
        typed(**options)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"model": "huatuo_plain", "tasks": "vqa_demo,mme"},
        {"model": "huatuo", "tasks": "vqa_*"},
        {"model": "lava", "tasks": "mmee"},  # most like lmms-eval's own, which says what it says
        {"model": "huatuo", "tasks": "list"},
        {"model": "huatuo", "tasks": "tasks/vqa_dmeo.yaml"},
        {"model": "zzz", "tasks": ""},
    ],
)
def test_other_names_are_left_to_lmms_eval(options: dict[str, str]) -> None:
    typed(**options)
