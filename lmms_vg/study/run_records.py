"""The remains of each question of a run: the record in its journal, and the values that its samples or the record state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmms_vg.journal import Record, read_records
from lmms_vg.runs.results import Line


def measured_records(folder: Path | None, tasks: Sequence[str]) -> dict[str, dict[str, Record]]:
    """Return task -> uid -> the last record with measured attention, without values per head.

    Args:
        folder: the journal; None if it is not on this machine.
        tasks: the tasks.
    """
    records: dict[str, dict[str, Record]] = {task: {} for task in tasks}
    for record in read_records(sorted(folder.glob("rank*.jsonl"))) if folder is not None else ():
        if record.task in records and record.alignment is not None:
            records[record.task][record.uid] = record.without_heads()
    return records


def alignment_of(record: Record | None, line: Line, further: str | None) -> Mapping[str, Any]:
    """Return AR, KL and JS per layer, of the samples where there are some: they are the numbers that the run reported.

    Args:
        record: the record of the question; None if there is none.
        line: the line of the samples; empty if there is none.
        further: the token rows, if they are not those of the run's first selection; samples state only that one's values.
    """
    if line and further is None:
        return {name: line[name][name] for name in ("ar", "kl", "js")}
    return {} if record is None else record.alignment_of(further) or {}


def in_order(uid: str) -> tuple[Any, ...]:
    """Sort by the numbers in names: question 2 before question 10."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in uid.replace("#", "/").split("/"))
