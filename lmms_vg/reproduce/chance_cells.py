"""Scores of answers given without looking at any image, in the columns of a table, on the questions of our runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lmms_vg.metrics.chance import Blind
from lmms_vg.reproduce.columns import Column
from lmms_vg.runs.chance_rows import chance_rows
from lmms_vg.runs.results import Run, TaskRun


class ChanceCell(NamedTuple):
    """A way of answering without looking (one of `runs.chance_rows.ABOUT`), in one column: a mean in % over n questions."""

    row: str
    column: Column
    value: float
    n: int


def chance_cells(columns: Sequence[Column], runs: Iterable[Run]) -> list[ChanceCell]:
    """Return the cells of columns of accuracy whose questions are in a run; each task has an answer of its own."""
    tasks: dict[str, TaskRun] = {}
    for run in runs:
        for name, part in run.tasks.items():
            tasks.setdefault(name, part)
    levels: dict[str, dict[str, Blind]] = defaultdict(dict)
    for row, task, blind in chance_rows({name: [part] for name, part in tasks.items()}):
        levels[row][task] = blind
    return [
        ChanceCell(row, column, 100 * _mean(column, of_tasks), sum(of_tasks[task].n for task in column.tasks))
        for row, of_tasks in levels.items()
        for column in columns
        if column.metric == "acc" and of_tasks.keys() >= {*column.tasks}
    ]


def _mean(column: Column, levels: Mapping[str, Blind]) -> float:
    weights = column.weights or {task: levels[task].n for task in column.tasks}
    return sum(levels[task].score * weight for task, weight in weights.items()) / sum(weights.values())
