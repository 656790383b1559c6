"""Tidy tables, written as CSV and as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replace_file, replacing
from lmms_vg.metrics import alignment, nulls
from lmms_vg.metrics.statistics import signature
from lmms_vg.runs.text_tables import comma_separated
from lmms_vg.runs.units import together

#: Seed of everything that is drawn.
SEED = 0

Row = Mapping[str, Any]

#: Of columns that hold no value in any row.
_TYPES = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}


@dataclass(frozen=True)
class StudyTable:
    """One tidy table.

    Attributes:
        name: name of its files, without suffix.
        rows: one dict per row, all with the same names; NaN and None are empty cells.
    """

    name: str
    rows: Sequence[Row]

    def write(self, folder: Path) -> list[Path]:
        """Write `name.csv` and `name.parquet`, and return their paths; a table without rows is not written."""
        if not self.rows:
            return []
        path = folder / f"{self.name}.parquet"
        columns = {name: _column([row[place] for row in self.cells]) for place, name in enumerate(self.head)}
        table = pyarrow.table(columns).replace_schema_metadata({"lmms_vg": signatures(self.unit)})
        with replacing(path) as scratch:
            parquet.write_table(table, scratch)
        return [*self.write_csv(folder), path]

    def write_csv(self, folder: Path) -> list[Path]:
        """Write `name.csv` alone."""
        if not self.rows:
            return []
        path = folder / f"{self.name}.csv"
        replace_file(path, comma_separated(self.head, self.cells))
        return [path]

    @property
    def unit(self) -> str:
        """What the intervals draw as a whole, as the rows say; images where they do not."""
        stated = [row[name] for row in self.rows for name in ("unit", "natural_unit") if name in row]
        return together(stated or ["image"])

    @property
    def head(self) -> list[str]:
        """Names of the columns: those of the rows, the seed of all that is drawn, and the version."""
        return [*self.rows[0], "seed", "version"]

    @property
    def cells(self) -> list[list[Any]]:
        """The rows as lists; None for an empty cell."""
        return [[*map(_cell, row.values()), SEED, __version__] for row in self.rows]


def signatures(unit: str) -> str:
    """Describe what numbers depend on, to be printed with them; `unit` is what their intervals draw as a whole."""
    parts = (alignment.signature(), nulls.signature(donors="other-images", seed=SEED), signature(unit=unit, seed=SEED))
    return f"lmms_vg {__version__}; {'; '.join(parts)}"


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


def _column(values: list[Any]) -> pyarrow.Array:
    kinds = {type(value) for value in values if value is not None}
    kind = float if kinds == {int, float} else next(iter(kinds), str)
    return pyarrow.array(values, _TYPES.get(kind, pyarrow.string()))
