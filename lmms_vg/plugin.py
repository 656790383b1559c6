"""Entry points for lmms-eval: our model names and our tasks. Imports nothing heavy and never raises.

lmms-eval 0.7.3 has an entry-point group for models but none for tasks, and it calls the entry point before it imports
`lmms_eval.tasks`. So a one-shot import hook waits for that module and wraps `TaskManager.initialize_tasks`, which then merges
our index last. A version of lmms-eval that loads the entry-point group `lmms_eval.tasks` (`task_folder`) has our tasks
already, and nothing is merged. If a later version lacks the parts used here, the run continues without our tasks and a
warning says what to do. An exception here would silently disable every plugin that lmms-eval loads after ours.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from lmms_vg._util.suggest import suggest
from lmms_vg.extensions.registered import model_ids
from lmms_vg.host import callers, failure  # importing failure also makes a failed run exit with a non-zero status

#: Aliases of model ids. `llava` is not among them: it is lmms-eval's own model.
ALIASES = {"huatuo_plain": ("huatuo",)}

#: Folder of our task files.
TASK_FOLDER = Path(__file__).parent / "tasks"

#: Patterns of several tasks, files, and requests for a list.
_NO_TASK = re.compile(r"[*?/\\\[]|\.ya?ml$|^list|^$")

_REMEDY = (
    'lmms_vg: its tasks could not be added to lmms-eval ({}); add them with --include_path "$(lmms-vg tasks --path)"'
)


def manifests() -> list[Any]:
    """Entry point `lmms_eval.models`: return one manifest per model id; also announce the tasks."""
    from lmms_eval.models.registry_v2 import ModelManifest

    _announce_tasks()
    listed = []
    listing = sys.modules.get("lmms_eval.models")
    for model_id in model_ids():
        path, aliases = f"lmms_vg.harness.{model_id}", ALIASES.get(model_id, ())
        listed.append(ModelManifest(model_id=model_id, chat_class_path=path, aliases=aliases))
        # `lmms-eval models` prints these two dicts, not the registry.
        getattr(listing, "AVAILABLE_CHAT_TEMPLATE_MODELS", {}).setdefault(model_id, path)
        if aliases:
            getattr(listing, "MODEL_ALIASES", {}).setdefault(model_id, aliases)
    return listed


def task_folder() -> str:
    """Entry point `lmms_eval.tasks`, for a version that has this group (docs/host_options.md): return the task folder."""
    return str(TASK_FOLDER)


def _announce_tasks() -> None:
    module = sys.modules.get("lmms_eval.tasks")
    if module is not None:
        add_tasks(module)
    elif not any(isinstance(finder, _WaitForTasks) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WaitForTasks())


class _WaitForTasks:
    """Lets `lmms_eval.tasks` be imported as usual, then adds our tasks and removes itself.

    Other plugins may wait for the same module. So this finder asks the other finders for it, which lets their hooks act. It
    also stays in front until then, because another hook in front might skip it.
    """

    def __init__(self) -> None:
        self._asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find `lmms_eval.tasks` through the other finders and wrap its loader; None for every other module."""
        if name != "lmms_eval.tasks" or self._asking:
            if sys.meta_path[0] is not self and self in sys.meta_path:
                sys.meta_path.remove(self)
                sys.meta_path.insert(0, self)
            return None
        spec = self._ask_others(name, path, target)
        loader = spec.loader if spec else None
        if loader is None:
            from loguru import logger  # late: it takes as long as the rest of `--help`

            logger.warning(_REMEDY.format("lmms_eval.tasks was not found on the path"))
            return spec
        execute = loader.exec_module

        def execute_and_add(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            add_tasks(module)

        loader.exec_module = execute_and_add  # type: ignore[method-assign]
        return spec

    def _ask_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        self._asking = True  # another finder may ask this one in turn
        try:
            specs = (
                finder.find_spec(name, path, target)
                for finder in sys.meta_path.copy()
                if finder is not self and hasattr(finder, "find_spec")
            )
            return next((spec for spec in specs if spec is not None), None)
        finally:
            self._asking = False


def add_tasks(tasks_module: ModuleType) -> None:
    """Make every `TaskManager` index our tasks last; with `LMMS_VG_KEEP_BUILTIN=1`, lmms-eval's own tasks win."""
    from loguru import logger

    from lmms_vg.host import task_files  # imported late: listing models needs no tasks

    try:
        manager = tasks_module.TaskManager
        initialize, scan = manager.initialize_tasks, manager._get_task_and_group
        if getattr(initialize, "adds_lmms_vg", False):
            return

        def initialize_tasks(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
            with task_files.fast(tasks_module):
                index: dict[str, Any] = initialize(self, *args, **kwargs)
            whole = merged(self, index, **kwargs)
            _refuse_misspelt(whole)
            return whole

        def merged(self: Any, index: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
            try:
                if kwargs.get("include_defaults", True) is False:
                    return index
                with task_files.fast(tasks_module):
                    ours = scan(self, str(TASK_FOLDER))
                    if own := _own_folder():
                        ours |= scan(self, own)
                same = sorted(name for name in index.keys() & ours.keys() if not _is_ours(index[name]))
                if not same and ours.keys() <= index.keys():  # lmms-eval indexed our folder by itself
                    return index
                if os.environ.get("LMMS_VG_KEEP_BUILTIN") == "1":
                    logger.info(f"lmms_vg: {len(ours)} tasks added; kept lmms-eval's own {', '.join(same) or '(none)'}")
                    return {**ours, **index}
                logger.info(
                    f"lmms_vg: {len(ours)} tasks added; {', '.join(same) or 'none'} in place of lmms-eval's own "
                    "(LMMS_VG_KEEP_BUILTIN=1 keeps those)"
                )
                return {**index, **ours}
            except Exception as problem:  # noqa: BLE001 - reported with the remedy; other tasks must still work
                logger.warning(_REMEDY.format(problem))
                return index

        initialize_tasks.adds_lmms_vg = True  # type: ignore[attr-defined]
        manager.initialize_tasks = initialize_tasks
    except Exception as problem:  # noqa: BLE001 - reported with the remedy; raising would disable other plugins
        logger.warning(_REMEDY.format(problem))


def _refuse_misspelt(index: Mapping[str, Any]) -> None:
    """End a run of lmms-eval's command line whose model or task is unknown and most like one of ours, before weights are read.

    lmms-eval itself would list hundreds of names or none, and exit with 0.

    Raises:
        RunFailed: Or SystemExit; the message has the name that is meant.
    """
    frame = callers.variables_of("lmms_eval.__main__", "cli_evaluate_single") or {}
    model, tasks = (str(getattr(frame.get("args"), option, None) or "") for option in ("model", "tasks"))
    registry = getattr(sys.modules.get("lmms_eval.models"), "MODEL_REGISTRY_V2", None)
    _refuse_like_ours("--model", model, registry.list_model_names() if registry else [], model_ids(), "methods")
    ours = [name for name, entry in index.items() if _is_ours(entry) or name.startswith("own_")]
    for task in tasks.split(","):
        if not _NO_TASK.search(task):
            _refuse_like_ours("--tasks", task, index, ours, "tasks")


def _refuse_like_ours(option: str, name: str, known: Collection[str], ours: Iterable[str], listing: str) -> None:
    meant = suggest(name, known) if name not in known else ""
    if meant and meant == suggest(name, ours):
        raise failure.failed(f"lmms_vg: {option} {name}: {meant}lmms-vg {listing} lists ours")


def _own_folder() -> str:
    """Folder of the tasks that a user's own files make; empty if there are none, which is logged if it is a fault."""
    if not os.environ.get("LMMS_VG_OWN"):
        return ""
    try:
        # By name, since models can be listed without all this; it is needed only for own files.
        return str(import_module("lmms_vg.tasks.own_tasks").folder())
    except (ValueError, OSError) as problem:
        from loguru import logger

        logger.error(f"lmms_vg: there are no tasks of your own: {problem}")
        return ""


def _is_ours(entry: dict[str, Any]) -> bool:
    path = entry.get("yaml_path")
    return isinstance(path, str) and Path(path).is_relative_to(TASK_FOLDER)
