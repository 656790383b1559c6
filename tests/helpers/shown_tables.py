"""Tables of entries as the page shows them, and what is read from them."""

from __future__ import annotations

from typing import Any

from entries import entry
from saved_run import spec

from lmms_vg.leaderboard.table_model import CellView, RowView, TableView
from lmms_vg.leaderboard.tables import tables
from lmms_vg.paper.protocols import ProtocolName
from lmms_vg.submission.validated import Entry

FOUR = {
    "vqa_rad_closed": [1.0, 1.0, 0.0],
    "slake_closed": [1.0, 0.0],
    "pathvqa_closed": [0.0, 0.0, 0.0, 1.0],
    "pmc_vqa": [1.0],
}
THREE = {task: row for task, row in FOUR.items() if task != "pmc_vqa"}


def table(key: str, *entries: Entry, protocol: ProtocolName = "vgrefine") -> TableView:
    return next(one for one in tables(entries, protocol) if one.key == key)


def keys(*entries: Entry, protocol: ProtocolName = "test") -> list[str]:
    return [one.key for one in tables(entries, protocol)]


def cell(one: TableView, row: str, title: str) -> CellView:
    """Return the cell of a submission by its id, or of a published row by its name."""
    rows = {row.entry or row.name: row for row in (*one.measured, *one.published)}
    return rows[row].cells[[column.title for column in one.columns].index(title)]


def ids(rows: list[RowView]) -> list[str]:
    return [row.entry for row in rows]


def said(one: TableView, about: str) -> list[str]:
    return [note for note in one.notes if about in note]


def bases(**changes: Any) -> list[Entry]:
    """Two methods and the plain run that they are compared with."""
    return [
        entry("vgrefine", FOUR | {"slake_closed": [1.0, 1.0]}, method=spec("vgrefine", k=1), name="B", **changes),
        entry("plain", FOUR, name="B", **changes),
        entry("pai", {**FOUR, "pathvqa_closed": [0.0] * 4}, method=spec("pai"), name="B", **changes),
    ]
