"""What answers without looking at any image reach in the columns of a table, on the questions of our runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lmms_vg.metrics.chance import Blind, majority
from lmms_vg.reproduce.columns import Column
from lmms_vg.runs.results import Run, TaskRun

MAJORITY = "chance: one answer"

#: Row -> what it does.
ABOUT = {MAJORITY: "the most frequent reference answer to every question of a task, without looking at any image"}


class ChanceCell(NamedTuple):
    """A way of answering without looking, in one column: a mean in % over n questions."""

    row: str
    column: Column
    value: float
    n: int


def chance_cells(columns: Sequence[Column], runs: Iterable[Run]) -> list[ChanceCell]:
    """Return the cells of columns of accuracy whose questions are in a run; each task has an answer of its own."""
    tasks: dict[str, TaskRun] = {}
    for run in runs:
        for name, part in run.tasks.items():
            if part.metric == "acc" and part.scores and part.scores.keys() <= part.asked.keys():
                tasks.setdefault(name, part)
    levels = {name: majority([part.asked[uid].reference for uid in part.scores]) for name, part in tasks.items()}
    return [
        ChanceCell(MAJORITY, column, 100 * _mean(column, levels), sum(levels[task].n for task in column.tasks))
        for column in columns
        if column.metric == "acc" and levels.keys() >= {*column.tasks}
    ]


def _mean(column: Column, levels: dict[str, Blind]) -> float:
    weights = column.weights or {task: levels[task].n for task in column.tasks}
    return sum(levels[task].score * weight for task, weight in weights.items()) / sum(weights.values())
