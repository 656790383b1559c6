"""Hashes of the source code that an answer depends on, for the journal's key.

The engine, a family and a method give an answer. Their modules and what these import from this package are hashed, and
nothing else. So a new help text, table or scoring rule leaves every journal valid, and a changed method asks again.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

#: Name of this package.
PACKAGE = "lmms_vg"

#: Start of the import closure: the code that turns questions into answers for every family and method.
ENGINE = ("lmms_vg.inference.answerer", "lmms_vg.inference.build")

#: The controls, which belong to the keys of runs with a control only (`control_hash`).
CONTROLS = "lmms_vg.inference.image_controls"

#: Modules that the engine, a family or a method imports, but that cannot change an answer: they register, name, write, lock,
#: print, refuse or schedule. Values that pass through them (hyper-parameters, the checkpoint's fields) are in the key. The
#: controls are among them, as they change no question of a run without a control; `inference.settings` is not, as it says which
#: numbers a dtype's name stands for.
NEUTRAL = frozenset(
    {
        "lmms_vg",
        "lmms_vg._util.error_codes",
        "lmms_vg._util.suggest",
        "lmms_vg.attention.self_check",
        "lmms_vg.attention.stages",
        "lmms_vg.demo",
        "lmms_vg.host.stopping",
        CONTROLS,
        "lmms_vg.inference.ahead",
        "lmms_vg.inference.job",
        "lmms_vg.inference.method_run",
        "lmms_vg.inference.question_maps",
        "lmms_vg.inference.shared_answers",
        "lmms_vg.inference.source_hash",
        "lmms_vg.journal",
        "lmms_vg.journal.decoding",
        "lmms_vg.journal.provenance",
        "lmms_vg.methods",
        "lmms_vg.methods.head_list",
        "lmms_vg.methods.head_lists",
        "lmms_vg.methods.named_places",
        "lmms_vg.models",
        "lmms_vg.models.elsewhere",
        "lmms_vg.models.fields",
        "lmms_vg.models.quantized",
    }
)


def engine_hash(family: type) -> str:
    """Return the hash of the source of the engine and a family, 16 hexadecimal digits."""
    return _hash(closure([*ENGINE, *_defining(family)]))


def method_hash(method: type) -> str:
    """Return the hash of a method's source: its module, those of its base classes, and their imports beyond the engine."""
    return _hash(closure(_defining(method)) - closure(ENGINE))


def control_hash() -> str:
    """Return the hash of the source of the controls: their module, and its imports beyond the engine."""
    return _hash((closure(_imports(CONTROLS)) | {CONTROLS}) - closure(ENGINE))


def _defining(cls: type) -> list[str]:
    """Modules of a class and its base classes, without those of Python itself."""
    modules = [base.__module__ for base in cls.__mro__]
    return [module for module in modules if module.split(".")[0] not in sys.stdlib_module_names]


@cache
def _source(module: str) -> bytes:
    """Read a module's source once: Python keeps running the imported code even if the file changes."""
    return _file(module).read_bytes()


def closure(modules: Iterable[str]) -> frozenset[str]:
    """Return these modules and all modules of this package that they import, directly or not, without `NEUTRAL` ones.

    For a module of another package, imports from that package are followed too.
    """
    visited: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in visited and module not in NEUTRAL:
            visited.add(module)
            waiting += _imports(module)
    return frozenset(visited)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules that a module imports from this package and from its own, anywhere in its code."""
    return tuple(_imported(module))


def _imported(module: str) -> Iterator[str]:
    followed = (PACKAGE, module.split(".")[0])
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{_origin(module, node)}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in followed:
                yield name if _exists(name) else name.rpartition(".")[0]


def _origin(module: str, node: ast.ImportFrom) -> str:
    """Absolute name of the module that an import reads from."""
    package = module if _file(module).name == "__init__.py" else module.rpartition(".")[0]
    return resolve_name("." * node.level + (node.module or ""), package)


def _exists(module: str) -> bool:
    """Return whether a dotted name is a module, not a name inside one."""
    if module.split(".")[0] == PACKAGE:
        return _own_file(module).is_file()
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not a package
        return False


_ROOT = Path(__file__).parents[1]


def _own_file(module: str) -> Path:
    path = _ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _file(module: str) -> Path:
    if module.split(".")[0] == PACKAGE:
        return _own_file(module)
    spec = find_spec(module)
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ValueError(
            f"module {module!r} has no source file: the journal's key contains the hash of a method's or family's "
            "source, so define it in a .py file"
        )
    return Path(spec.origin)


def _hash(modules: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for module in sorted(modules):
        source = _source(module)
        digest.update(f"{module}\0{len(source)}\0".encode() + source)
    return digest.hexdigest()[:16]
