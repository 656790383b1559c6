"""Read lmms-eval's task files with libyaml.

lmms-eval 0.7.3 reads all of its 1,700 YAML files whenever it starts, with PyYAML's parser in Python: 7 to 10 s per run.
PyYAML also has the same loader on libyaml's parser in C, which takes a tenth of the time. Files are read once per process, as
many tasks include the same one, and every run of `lmms-vg run --methods` or `lmms-vg sweep` starts with all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any


@contextmanager
def fast(tasks: ModuleType) -> Iterator[None]:
    """Let `load_yaml_config` of lmms-eval use libyaml, unless PyYAML was built without it.

    Args:
        tasks: The module `lmms_eval.tasks`. No other use of PyYAML changes.
    """
    utils = getattr(tasks, "utils", None)
    yaml: Any = getattr(utils, "yaml", None)
    if utils is None or not hasattr(yaml, "CFullLoader"):
        yield
        return
    utils.yaml = _libyaml(yaml)
    try:
        yield
    finally:
        utils.yaml = yaml


@cache
def _libyaml(yaml: Any) -> _Libyaml:
    return _Libyaml(yaml)


class _Libyaml:
    """The part of PyYAML that `load_yaml_config` uses."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml

        class Loader(yaml.CFullLoader):  # type: ignore[misc]
            def __init__(self, stream: Any) -> None:
                super().__init__(stream)
                self.name = getattr(stream, "name", "<file>")  # `!function` looks for its module next to this file

        self._loader = Loader
        self._read: dict[tuple[object, ...], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._yaml, name)

    def add_constructor(self, tag: str, constructor: Callable[..., Any]) -> None:
        self._yaml.add_constructor(tag, constructor)  # for all other readers of such files
        self._loader.add_constructor(tag, constructor)

    def full_load(self, stream: Any) -> Any:
        about = os.fstat(stream.fileno())  # a file may change between two runs
        key = (
            str(stream.name),
            about.st_ino,
            about.st_size,
            about.st_mtime_ns,
            self._loader.yaml_constructors.get("!function"),
        )
        if key not in self._read:
            self._read[key] = self._yaml.load(stream, self._loader)
        read = self._read[key]
        if not isinstance(read, dict):
            return read
        # `load_yaml_config` takes `include` out, and turns its list round
        return {name: list(value) if isinstance(value, list) else value for name, value in read.items()}
