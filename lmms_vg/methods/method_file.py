"""Methods in a Python file that is not part of an installed distribution."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from lmms_vg.extensions.entries import Extension
from lmms_vg.extensions.registered import add_method
from lmms_vg.methods import METHODS, Method


def register(path: Path) -> list[type[Method]]:
    """Register the methods that a file defines, for this process.

    Raises:
        ValueError: the file cannot be imported, defines no method, or defines one that cannot be registered.
    """
    module = _imported(path)
    classes = [cls for cls in vars(module).values() if _is_method_of(module, cls)]
    if not classes:
        raise ValueError(f"{path} defines no method: a subclass of lmms_vg.methods.Method with a `name`")
    for cls in classes:
        if fault := METHODS.fault(cls, cls.name):
            raise ValueError(f"{path}: {cls.__name__} {fault}")
        add_method(Extension("method", cls.name, f"{module.__name__}:{cls.__qualname__}", str(path)))
    return classes


def _is_method_of(module: ModuleType, value: object) -> bool:
    """Return whether `value` is a method that the module defines; imported classes and base classes without a name are not."""
    return (
        isinstance(value, type)
        and issubclass(value, Method)
        and value.__module__ == module.__name__
        and "name" in vars(value)
    )


def _imported(path: Path) -> ModuleType:
    """Import a file without bytecode, which may be stale: the code that runs is the code in the journal's key."""
    name = f"method_file_{path.stem}"
    spec = spec_from_file_location(name, path.resolve())
    if not path.is_file() or spec is None:
        what = "a folder" if path.is_dir() else "not a .py file" if path.exists() else "there is no such file"
        raise ValueError(f"--method_file {path}: {what}; allowed is a Python file that defines a method")
    if name in sys.modules:
        raise ValueError(f"--method_file {path}: another file of this name is in use; rename this one")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        exec(compile(path.read_bytes(), path.resolve(), "exec"), vars(module))  # noqa: S102 - the user's own file
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(problem.__traceback__)
            if frame.filename == str(path.resolve())
        ]
        where = f", line {lines[-1]}" if lines else ""
        raise ValueError(f"{path}{where}: {type(problem).__name__}: {problem}") from problem
    return module
