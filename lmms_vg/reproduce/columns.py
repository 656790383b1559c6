"""The columns of a table of the paper as what our runs are asked for, averages included."""

from __future__ import annotations

from itertools import cycle
from typing import NamedTuple

from lmms_vg.paper.columns import HIDDEN, by_title, weights
from lmms_vg.paper.published import PublishedTable

DEMO_ACCURACY = ("vqa_demo_standard", "vqa_demo_hard")
DEMO_OPEN = "vqa_demo_open"


class Column(NamedTuple):
    """A published column: the mean of `metric` over the questions of `tasks`.

    `weights`: task -> what the mean over its questions counts; empty where every question counts the same.
    """

    name: str
    metric: str
    tasks: tuple[str, ...]
    weights: dict[str, int]


def columns(table: PublishedTable, demo: bool) -> list[Column]:
    """All columns of a table; with `demo`, on phantoms: accuracies of its two closed tasks in turn, and its open one."""
    turn = cycle(DEMO_ACCURACY)
    known = by_title()
    made: dict[str, Column] = {}
    for name in table.columns:
        if name in known:
            metric, (task, *_) = known[name].metric, known[name].tasks["vgrefine"]
            if demo:
                task = next(turn) if metric == "acc" else DEMO_OPEN
            made[name] = Column(name, metric, (task,), {})
    for average in table.averages:
        if average.column in made:  # of three metrics, which is a metric of its own
            continue
        parts = [made[name] for name in average.of]
        counted: dict[str, int] = {}
        if average.weighting == HIDDEN:
            for part, n in zip(parts, weights(average.of, HIDDEN) or (), strict=True):
                (task,) = part.tasks  # two subjects may be one demo task
                counted[task] = counted.get(task, 0) + n
        tasks = tuple(dict.fromkeys(task for part in parts for task in part.tasks))
        made[average.column] = Column(average.column, parts[0].metric, tasks, counted)
    return [made[name] for name in table.columns]
