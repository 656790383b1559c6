"""Tidy rows, written as CSV: each names what its numbers are of, and ends in the seed of all that is drawn and the version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replace_file
from lmms_vg.runs.text_tables import comma_separated

#: Seed of everything that is drawn.
SEED = 0

#: Values by the names of their columns; all rows of a table have the same names.
Row = Mapping[str, Any]


def write_csv(name: str, rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write `name.csv` into a folder, and return its path; without rows nothing is written."""
    if not rows:
        return []
    path = folder / f"{name}.csv"
    replace_file(path, comma_separated(head(rows), cells(rows)))
    return [path]


def head(rows: Sequence[Row]) -> list[str]:
    """Names of the columns: those of the rows, of which there is at least one, then `seed` and `version`."""
    return [*rows[0], "seed", "version"]


def cells(rows: Sequence[Row]) -> list[list[Any]]:
    """Return the rows as lists, in the order of `head`; None for an empty cell, which NaN and infinities are too."""
    return [[*map(_cell, row.values()), SEED, __version__] for row in rows]


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value
