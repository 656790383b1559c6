"""Parts of a submission's page besides answers: its rows in the tables, and the exact settings of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lmms_vg.leaderboard.table_model import CellView, ColumnView, TableView
from lmms_vg.submission.schema import Manifest, Task


class Place(NamedTuple):
    """One number of a submission."""

    column: ColumnView
    cell: CellView


class Standing(NamedTuple):
    """A submission's row in one table, without the columns where it has no number."""

    table: TableView
    places: list[Place]


def standings(tables: Sequence[TableView]) -> dict[str, list[Standing]]:
    """Return id -> its rows in the tables of a protocol."""
    rows: dict[str, list[Standing]] = {}
    for table in tables:
        for row in (*table.measured, *(row for row in table.unranked if row.entry)):
            cells = zip(table.columns, row.cells, strict=True)
            places = [Place(column, cell) for column, cell in cells if cell.text]
            rows.setdefault(row.entry, []).append(Standing(table, places))
    return rows


def provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """Return name and value of everything a run is signed with, or a model declared as, except the method, shown by itself."""
    stated = manifest.run or manifest.declared
    assert stated is not None
    run = stated.model_dump(exclude={"method"})
    return list(_flat({**run, "seeds": manifest.seeds, "schema_version": manifest.schema_version}, ""))


def metrics(task: Task) -> list[tuple[str, str]]:
    """Return name and value of the metrics as lmms-eval aggregated them."""
    return [(name, _value(value)) for name, value in sorted(task.metrics.items())]


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(dict(sorted(value.items())), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.6g}"
