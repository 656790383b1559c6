"""A column's cells: from scores of questions, with interval and rank, or from values as lmms-eval aggregated them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.columns import Measure, Way
from lmms_vg.leaderboard.ranks import estimates, way_of
from lmms_vg.leaderboard.table_model import CellView
from lmms_vg.submission.validated import Entry

#: Metrics of which every question's value is at hand.
SCORED = frozenset({"acc", "open_recall", "bleu1", "ar", "kl", "js"})

#: Behind a number whose questions were not compared with the benchmark's.
UNVERIFIED = " †"

_LAYER = "best_layer"


class Filled(NamedTuple):
    """A column by the entries' ids, for those that have a value.

    `apart`: id -> what keeps it from being ranked with the others. `instead`: id -> the tasks it was measured on, where
    these are not the first that the column is of.
    """

    cells: dict[str, CellView]
    apart: dict[str, str]
    instead: dict[str, str]

    def apart_with(self, has_rank: bool) -> dict[str, str]:
        """Those of `apart` that have a rank all the same, or that have none."""
        return {id: why for id, why in self.apart.items() if (self.cells[id].rank is not None) is has_rank}


def fill(entries: Sequence[Entry], measure: Measure) -> Filled:
    """The column of a measure."""
    way = way_of if measure.metric in SCORED else _reported_way
    ways = {entry.id: (entry, found) for entry in entries if (found := way(entry, measure)) is not None}
    instead = {id: ", ".join(_tasks(one)) for id, (_, one) in ways.items() if one != measure.ways[0]}
    if measure.metric not in SCORED:
        return Filled({id: _reported(entry, one, measure) for id, (entry, one) in ways.items()}, {}, instead)
    made = estimates(entries, measure)
    scale = 100 if measure.unit == "%" else 1
    cells = {
        id: CellView(
            text=show(scale * one.value, measure.digits) + _mark(*ways[id]),
            value=scale * one.value,
            low=None if one.low is None else scale * one.low,
            high=None if one.high is None else scale * one.high,
            n=one.n,
            rank=one.rank,
            rule=_rule(*ways[id], measure),
        )
        for id, one in made.items()
    }
    return Filled(cells, {id: one.apart for id, one in made.items() if one.apart}, instead)


def show(value: float, digits: int, sign: str = "") -> str:
    """A number with so many decimals; zero is never negative.

    >>> show(-0.001, 2), show(3.59, 1, "+")
    ('0.00', '+3.6')
    """
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def _reported_way(entry: Entry, measure: Measure) -> Way | None:
    """Values that lmms-eval could not compute (BERTScore without its model) are not there."""
    tasks = entry.manifest.tasks
    has = {name for name, task in tasks.items() if isinstance(task.metrics.get(measure.metric), int | float)}
    return next((way for way in measure.ways if all(has.issuperset(part.tasks) for part in way)), None)


def _reported(entry: Entry, way: Way, measure: Measure) -> CellView:
    """Means of several tasks are weighted by their questions with a score, which gives the mean over all questions."""
    tasks = entry.manifest.tasks
    values = {name: float(tasks[name].metrics[measure.metric]) for name in _tasks(way)}  # type: ignore[arg-type]
    n = sum(tasks[name].n for name in values)
    rule = _rule(entry, way, measure)
    if measure.metric == _LAYER:
        layers = sorted(set(values.values()))
        value = layers[0] if len(layers) == 1 else None
        return CellView(", ".join(show(layer, 0) for layer in layers) + _mark(entry, way), value, n=n, rule=rule)
    means = [
        part.weight
        * sum(tasks[name].n * values[name] for name in part.tasks)
        / sum(tasks[name].n for name in part.tasks)
        for part in way
    ]
    value = (100 if measure.unit == "%" else 1) * sum(means)
    return CellView(show(value, measure.digits) + _mark(entry, way), value, n=n, rule=rule)


def _mark(entry: Entry, way: Way) -> str:
    known = all(entry.scores[name].verified for name in _tasks(way) if name in entry.scores)
    return "" if known else UNVERIFIED


def _rule(entry: Entry, way: Way, measure: Measure) -> str:
    """Where a model looked has one rule, whatever is made of it."""
    rules = set()
    for name in _tasks(way):
        scores = entry.scores[name].under("ar" if measure.metric == _LAYER else measure.metric)
        rules.add(entry.manifest.tasks[name].rules.get(measure.metric, "") if scores is None else scores.rule)
    return "; ".join(sorted(rules - {""}))


def _tasks(way: Way) -> list[str]:
    return [task for part in way for task in part.tasks]
