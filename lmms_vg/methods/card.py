"""The fixed lines of a method's docstring: one row in the table of methods."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields

from loguru import logger

from lmms_vg.methods.base import Method

#: The lines that every method's docstring has, in this order, between its text and `Attributes:`.
LINES = ("Paper", "Source", "Layers", "Heads", "Rows", "Softmax", "Phase")

_COLUMNS = ("method", "hyper-parameters", "layers", "heads", "rows", "softmax", "phase", "paper", "source")


def card(method: type[Method]) -> dict[str, str]:
    """Return the fixed lines of a method's docstring by name; continuation lines are indented.

    Raises:
        ValueError: a line is missing, empty or out of order.
    """
    lines: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(method.__doc__ or "").splitlines():
        start, colon, rest = line.partition(":")
        if colon and start in LINES:
            name, lines[start] = start, rest.strip()
        elif name and line.startswith(" "):
            lines[name] += " " + line.strip()
        else:
            name = ""
    if tuple(lines) != LINES or not all(lines.values()):
        raise ValueError(
            f"docstring of {method.__name__}: allowed are the lines {', '.join(LINES)}, in this order, none of them "
            f"empty (write - for nothing); it has {', '.join(name for name, text in lines.items() if text) or 'none'}"
        )
    return lines


def defaults(method: type[Method]) -> str:
    """Return the hyper-parameters as in `--model_args`; without a value if the default depends on the checkpoint."""
    given = {field.name: field.default for field in fields(method)}
    return ", ".join(
        name if given[name] in (MISSING, None) else f"{name}={_plain(given[name])}" for name in method.options()
    )


def table(methods: Mapping[str, type[Method]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, one row per method; log a warning for a method whose docstring lacks lines."""
    yield _row(_COLUMNS)
    yield _row(["---"] * len(_COLUMNS))
    for name, method in methods.items():
        try:
            values = card(method)
        except ValueError as problem:
            logger.warning(f"lmms_vg: method {name} is left out of the table: {problem}")
            continue
        yield _row([name, defaults(method) or "-", *(values[column.capitalize()] for column in _COLUMNS[2:])])


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(value: object) -> str:
    """Format a value as a user types it: true, not True; 50, not 50.0."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
