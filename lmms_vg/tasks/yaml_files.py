"""Our tasks and groups as their YAML files state them, read without importing lmms-eval, which takes seconds and a gigabyte.

A test compares this with lmms-eval's own reading of the same files.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from lmms_vg.plugin import TASK_FOLDER

#: libyaml's parser takes a tenth of the time of the one in Python, which reads our files for more than a second.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Builds no objects; `!function package.module.name` is imported from this package."""


def _function(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    module, _, name = str(loader.construct_scalar(node)).rpartition(".")
    return getattr(import_module(module), name)


def _name(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


class _Names(_SafeLoader):  # type: ignore[misc]
    """Keeps functions as names, so that nothing is imported."""


_Loader.add_constructor("!function", _function)
_Names.add_constructor("!function", _name)


@cache
def groups() -> dict[str, list[str]]:
    """Group -> its tasks, sorted by name."""
    pairs = ((config["group"], config["task"]) for config, _ in _files() if "group" in config)
    return dict(sorted(pairs))


@cache
def tasks() -> frozenset[str]:
    """Names of all tasks that are not groups."""
    return frozenset(config["task"] for config, _ in _files() if "group" not in config)


def definition(name: str) -> dict[str, Any]:
    """Return a task's or group's YAML with its includes merged and its functions imported; own questions have tasks, too.

    Raises:
        KeyError: the name is not ours.
    """
    if name.startswith("own_"):
        from lmms_vg.tasks import own_tasks  # late: it imports what reads data sets

        path = own_tasks.folder() / f"{name}.yaml"
        if not path.exists():
            raise KeyError(name)
        return _read(path, _Loader)
    return _definition(name)


@cache
def _definition(name: str) -> dict[str, Any]:
    paths = {
        config.get("group", config["task"]): path for config, path in _files() if "group" in config or "task" in config
    }
    return _read(paths[name], _Loader)


@cache
def _files() -> list[tuple[dict[str, Any], Path]]:
    return [(_read(path, _Names), path) for path in sorted(TASK_FOLDER.rglob("*.yaml"))]


def _read(path: Path, loader: Any) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both derive from SafeLoader
    included = config.pop("include", None)
    return _read(path.parent / included, loader) | config if included else config
