"""The metric and tasks that each column of a paper's table needs from our runs, averages included."""

from __future__ import annotations

from itertools import cycle
from typing import NamedTuple

from lmms_vg.paper.columns import HIDDEN, by_title, weights
from lmms_vg.paper.published import PublishedTable

DEMO_ACCURACY = ("vqa_demo_standard", "vqa_demo_hard")
DEMO_OPEN = "vqa_demo_open"


class Column(NamedTuple):
    """A published column: the mean of `metric` over the questions of `tasks`.

    `weights` maps each task to its weight in the mean; empty if every question counts the same.
    """

    name: str
    metric: str
    tasks: tuple[str, ...]
    weights: dict[str, int]


def columns(table: PublishedTable, demo: bool) -> list[Column]:
    """Return the columns of a table. `demo` replaces tasks by phantom tasks: the two closed ones in turn, and the open one."""
    turn = cycle(DEMO_ACCURACY)
    known = by_title()
    result: dict[str, Column] = {}
    for name in table.columns:
        if name in known:
            metric, (task, *_) = known[name].metric, known[name].tasks["vgrefine"]
            if demo:
                task = next(turn) if metric == "acc" else DEMO_OPEN
            result[name] = Column(name, metric, (task,), {})
    for average in table.averages:
        if average.column in result:  # the average of three metrics is a metric itself
            continue
        parts = [result[name] for name in average.of]
        counts: dict[str, int] = {}
        if average.weighting == HIDDEN:
            for part, n in zip(parts, weights(average.of, HIDDEN) or (), strict=True):
                (task,) = part.tasks  # two subjects may be one demo task
                counts[task] = counts.get(task, 0) + n
        tasks = tuple(dict.fromkeys(task for part in parts for task in part.tasks))
        result[average.column] = Column(average.column, parts[0].metric, tasks, counts)
    return [result[name] for name in table.columns]
