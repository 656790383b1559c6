"""Attributes of a registered class, read from its source because importing a method imports torch, which takes seconds.

Only plain statements are understood: `name = True` or `name: ... = True` in the class or a base class, and base classes that
are defined in the same module or imported by `from module import Class`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def lineage(value: str) -> list[str]:
    """Return `module:Class` of a class and of all its bases whose source is found, the nearest first."""
    classes = [value]
    for current in classes:
        classes += [base for base in _bases(current) if base not in classes]
    return classes


def stated(value: str, attribute: str) -> object:
    """Return the constant that a class states for an attribute, or the nearest of its bases does; None if none does."""
    for current in lineage(value):
        for statement in _body(current):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets += [statement.target] if isinstance(statement, ast.AnnAssign) else []
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            constant = getattr(statement, "value", None)
            if attribute in names and isinstance(constant, ast.Constant):
                return constant.value
    return None


def field_names(value: str) -> tuple[str, ...] | None:
    """Return the names of a dataclass's fields with those of its bases; those with `repr=False` are no hyper-parameters.

    None if the source of the class is not found.
    """
    if _class(value) is None:
        return None
    statements = [statement for current in reversed(lineage(value)) for statement in _body(current)]
    return tuple(dict.fromkeys(name for statement in statements for name in _field(statement)))


def class_of(value: str, attribute: str) -> str:
    """Return `module:Class` of the class that a class or the nearest of its bases states for an attribute, or an empty text."""
    for current in lineage(value):
        for statement in _body(current):
            if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == attribute:
                stated_class = statement.value
                if isinstance(stated_class, ast.Name):
                    return f"{current.partition(':')[0]}:{stated_class.id}"
    return ""


def names_given(module: str, call: str) -> list[str]:
    """Return the name that each call of `call` in a module gives: its argument `name`, or else its first."""
    tree = _tree(module)
    calls = [
        node
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == call
    ]
    given = [[word.value for word in node.keywords if word.arg == "name"] + node.args for node in calls]
    return [
        first.value
        for first, *_ in filter(None, given)
        if isinstance(first, ast.Constant) and isinstance(first.value, str)
    ]


def _field(statement: ast.stmt) -> Iterator[str]:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return
    hidden = isinstance(statement.value, ast.Call) and any(
        word.arg == "repr" and isinstance(word.value, ast.Constant) and not word.value.value
        for word in statement.value.keywords
    )
    if not hidden and not ast.unparse(statement.annotation).startswith("ClassVar"):
        yield statement.target.id


def _bases(value: str) -> Iterator[str]:
    module = value.partition(":")[0]
    node = _class(value)
    tree = _tree(module)
    for base in node.bases if node and tree else ():
        if isinstance(base, ast.Name):
            imported = [
                f"{statement.module}:{name.name}"
                for statement in tree.body  # type: ignore[union-attr]  # there is a tree
                if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level
                for name in statement.names
                if (name.asname or name.name) == base.id
            ]
            yield from imported or [f"{module}:{base.id}"]


def _body(value: str) -> list[ast.stmt]:
    node = _class(value)
    return node.body if node else []


def _class(value: str) -> ast.ClassDef | None:
    module, _, name = value.partition(":")
    tree = _tree(module)
    classes = (node for node in (tree.body if tree else []) if isinstance(node, ast.ClassDef) and node.name == name)
    return next(classes, None)


@cache
def _tree(module: str) -> ast.Module | None:
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)  # of a whole name it would import the packages on the way
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    paths = [folder.joinpath(*rest).with_suffix(".py") for folder in folders] if rest else [Path(spec.origin or "")]
    paths += [folder.joinpath(*rest, "__init__.py") for folder in folders]
    path = next((path for path in paths if path.is_file() and path.suffix == ".py"), None)
    return None if path is None else ast.parse(path.read_text(encoding="utf-8"))
