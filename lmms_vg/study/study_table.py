"""Tidy tables, written as CSV and as Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from lmms_vg import __version__
from lmms_vg._util.atomic_files import replacing
from lmms_vg.metrics import alignment, nulls
from lmms_vg.metrics.statistics import signature
from lmms_vg.runs.tidy_rows import SEED, Row, cells, head, write_csv
from lmms_vg.runs.units import together

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
        columns = map(_column, zip(*cells(self.rows), strict=True))
        table = pyarrow.table(dict(zip(head(self.rows), columns, strict=True)))
        with replacing(path) as scratch:
            parquet.write_table(table.replace_schema_metadata({"lmms_vg": signatures(self.unit)}), scratch)
        return [*write_csv(self.name, self.rows, folder), path]

    @property
    def unit(self) -> str:
        """The unit of resampling of the intervals, as the rows state it; images where they do not."""
        stated = [row[name] for row in self.rows for name in ("unit", "natural_unit") if name in row]
        return together(stated or ["image"])


def signatures(unit: str) -> str:
    """Describe what numbers depend on, to be printed with them; `unit` is what their intervals draw as a whole."""
    parts = (alignment.signature(), nulls.signature(donors="other-images", seed=SEED), signature(unit=unit, seed=SEED))
    return f"lmms_vg {__version__}; {'; '.join(parts)}"


def _column(values: Sequence[Any]) -> pyarrow.Array:
    kinds = {type(value) for value in values if value is not None}
    kind = float if kinds == {int, float} else next(iter(kinds), str)
    return pyarrow.array(values, _TYPES.get(kind, pyarrow.string()))
