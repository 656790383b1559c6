"""What a submission's page says of it besides its answers: where it stands in the tables, and what exactly was run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lmms_vg.leaderboard.table_model import CellView, ColumnView, TableView
from lmms_vg.submission.schema import Manifest, Task


class Place(NamedTuple):
    """One number of a submission. `of`: how many rows have a rank there."""

    column: ColumnView
    cell: CellView
    of: int


class Standing(NamedTuple):
    """A submission's row in one table, without the columns that it has no number in."""

    table: TableView
    places: list[Place]


def standings(tables: Sequence[TableView]) -> dict[str, list[Standing]]:
    """Id -> where it stands in the tables of a protocol."""
    found: dict[str, list[Standing]] = {}
    for table in tables:
        ranked = Counter(
            number for row in table.measured for number, cell in enumerate(row.cells) if cell.rank is not None
        )
        for row in table.measured:
            both = enumerate(zip(table.columns, row.cells, strict=True))
            places = [Place(column, cell, ranked[number]) for number, (column, cell) in both if cell.text]
            found.setdefault(row.entry, []).append(Standing(table, places))
    return found


def provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """Name and value of all that a run is signed with, but the method, which is shown by itself."""
    run = manifest.run.model_dump(exclude={"method"})
    return list(_flat({**run, "seeds": manifest.seeds, "schema_version": manifest.schema_version}, ""))


def metrics(task: Task) -> list[tuple[str, str]]:
    """Name and value as lmms-eval aggregated it."""
    return [(name, _value(value)) for name, value in sorted(task.metrics.items())]


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(dict(sorted(value.items())), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.6g}"
