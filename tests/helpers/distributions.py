"""Other packages' distributions, as pip leaves them in a folder on the path."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from lmms_vg.extensions.registered import registered
from lmms_vg.methods import METHODS
from lmms_vg.models import FAMILIES

METHOD = '''
from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.methods.plain import Plain


@dataclass(frozen=True)
class {cls}(Plain):
    """{cls} (Nobody, Nowhere 2020): plain.

    Paper: -
    Source: -
    Layers: -
    Heads: -
    Rows: -
    Softmax: -
    Phase: -
    """

    name: ClassVar[str] = "{name}"
'''


def method(name: str) -> str:
    """Source of a module with one method, whose class has the capitalised name."""
    return METHOD.format(name=name, cls=name.title().replace("_", ""))


def install(folder: Path, distribution: str, entry_points: Mapping[str, str], modules: Mapping[str, str] = {}) -> None:
    """Write a distribution into a folder.

    Args:
        folder: where to write it.
        distribution: its name.
        entry_points: group and name -> object, such as `methods:sharpen` -> `module:Class`.
        modules: name of a module -> its source.
    """
    metadata = folder / f"{distribution}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = []
    for key, value in entry_points.items():
        group, _, name = key.partition(":")
        lines += [f"[lmms_vg.{group}]", f"{name} = {value}"]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(code)


def environment(*folders: Path) -> dict[str, str]:
    """The environment of a process that searches these folders first."""
    path = [*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}


@contextmanager
def found(folder: Path) -> Iterator[None]:
    """Inside the context, this process finds the packages installed in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for classes in (METHODS, FAMILIES):
            patch.setattr(classes, "_loaded", {})
        registered.cache_clear()
        yield
    registered.cache_clear()
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
