"""lmms-eval's task files, read by libyaml.

lmms-eval 0.7.3 reads all of its 1,700 YAML files whenever it starts, with PyYAML's parser in Python: 7 to 10 s of each run.
PyYAML brings the same loader over libyaml's parser in C, which reads the same in a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def fast(tasks: ModuleType) -> Iterator[None]:
    """Within it, `load_yaml_config` of lmms-eval reads by libyaml; as ever where PyYAML was built without it.

    Args:
        tasks: `lmms_eval.tasks`. Nobody else's use of PyYAML changes.
    """
    utils = getattr(tasks, "utils", None)
    yaml: Any = getattr(utils, "yaml", None)
    if utils is None or not hasattr(yaml, "CFullLoader"):
        yield
        return
    utils.yaml = _Libyaml(yaml)
    try:
        yield
    finally:
        utils.yaml = yaml


class _Libyaml:
    """What `load_yaml_config` uses of PyYAML."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml

        class Loader(yaml.CFullLoader):  # type: ignore[misc]
            def __init__(self, stream: Any) -> None:
                super().__init__(stream)
                self.name = getattr(stream, "name", "<file>")  # beside which `!function` looks for its module

        self._loader = Loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._yaml, name)

    def add_constructor(self, tag: str, constructor: Callable[..., Any]) -> None:
        self._yaml.add_constructor(tag, constructor)  # as ever, for whoever else reads such files
        self._loader.add_constructor(tag, constructor)

    def full_load(self, stream: Any) -> Any:
        return self._yaml.load(stream, self._loader)
