"""What answers without looking reach, beside the paper's cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved_run import closed, opened, save

from lmms_vg.reproduce.chance_cells import chance_cells
from lmms_vg.reproduce.columns import Column
from lmms_vg.runs.chance_rows import MAJORITY
from lmms_vg.runs.lmms_eval_output import read_run

COLUMNS = [
    Column("A", "acc", ("a",), {}),
    Column("Pooled", "acc", ("a", "b"), {}),
    Column("Weighted", "acc", ("a", "b"), {"a": 1, "b": 3}),
    Column("Not asked", "acc", ("a", "z"), {}),
    Column("Open", "open_recall", ("c",), {}),
]


def test_each_task_has_its_own_answer(tmp_path: Path) -> None:
    """Six of ten references are "yes" in one task, three of four "no" in the other."""
    asked = {"a": ["yes"] * 6 + ["no"] * 4, "b": ["no"] * 3 + ["yes"]}
    tasks = {
        name: [closed(f"{name}{i}", i % 2) | {"target": reference} for i, reference in enumerate(references)]
        for name, references in asked.items()
    }
    run = read_run(save(tmp_path, tasks | {"c": [opened("c0", 0.5)]}))
    found = chance_cells(COLUMNS, [run])
    assert [(cell.row, cell.column.name, cell.n) for cell in found] == [
        (MAJORITY, "A", 10),
        (MAJORITY, "Pooled", 14),
        (MAJORITY, "Weighted", 14),
    ]
    assert [cell.value for cell in found] == pytest.approx([60, 100 * 9 / 14, 100 * (0.6 + 3 * 0.75) / 4])
    assert chance_cells(COLUMNS, []) == []
