"""A column's cells: computed from questions' scores, with interval and rank, or taken from lmms-eval's means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.columns import Measure, Way
from lmms_vg.leaderboard.estimates import estimates, way_of
from lmms_vg.leaderboard.table_model import CellView
from lmms_vg.submission.look_scores import EXCESS, PLACEMENT
from lmms_vg.submission.validated import Entry

#: Metrics that have a value per question.
SCORED = frozenset({"acc", "open_recall", "bleu1", "ar", "kl", "js", *EXCESS, PLACEMENT})

#: Mark behind a number whose questions were not compared with the benchmark's.
UNVERIFIED = " †"

_LAYER = "best_layer"


class Filled(NamedTuple):
    """A column's cells, by id of the entries that have a value.

    Attributes:
        apart: id -> why it is not ranked with the others.
        instead: id -> the tasks it was measured on, if they are not the column's first choice.
    """

    cells: dict[str, CellView]
    apart: dict[str, str]
    instead: dict[str, str]

    def apart_with(self, has_rank: bool) -> dict[str, str]:
        """Return those of `apart` that have a rank, or those that have none."""
        return {id: why for id, why in self.apart.items() if (self.cells[id].rank is not None) is has_rank}


def fill(entries: Sequence[Entry], measure: Measure) -> Filled:
    """Return the column of a measure."""
    way = way_of if measure.metric in SCORED else _reported_way
    ways = {entry.id: (entry, way_found) for entry in entries if (way_found := way(entry, measure)) is not None}
    instead = {id: ", ".join(_tasks(estimate)) for id, (_, estimate) in ways.items() if estimate != measure.ways[0]}
    if measure.metric not in SCORED:
        return Filled({id: _reported(entry, estimate, measure) for id, (entry, estimate) in ways.items()}, {}, instead)
    silent = [entry.id for entry in entries if measure.metric == "kl" and _unjudged(entry, _of_excess(measure))]
    results = estimates(entries, measure, silent)
    scale = 100 if measure.unit == "%" else 1
    cells = {
        id: CellView(
            text=show(scale * estimate.value, measure.digits) + _mark(*ways[id]),
            value=scale * estimate.value,
            low=None if estimate.low is None else scale * estimate.low,
            high=None if estimate.high is None else scale * estimate.high,
            n=estimate.n,
            rank=estimate.rank,
            rule=_rule(*ways[id], measure),
            under=estimate.under,
        )
        for id, estimate in results.items()
    }
    apart = {id: estimate.apart for id, estimate in results.items() if estimate.apart}
    apart |= {id: "patches are hidden in its layer, where KL is undefined" for id in silent if id in cells}
    cells |= {
        entry.id: CellView(why) for entry in entries if entry.id not in cells and (why := _unjudged(entry, measure))
    }
    return Filled(cells, apart, instead)


def show(value: float, digits: int, sign: str = "") -> str:
    """Format a number with so many decimals; zero is never negative.

    >>> show(-0.001, 2), show(3.59, 1, "+")
    ('0.00', '+3.6')
    """
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def _of_excess(measure: Measure) -> Measure:
    """Return the measure of the excess of KL, which is not judged where raw KL is undefined."""
    return measure._replace(metric="excess_kl")


def _unjudged(entry: Entry, measure: Measure) -> str:
    """Return why an entry that was measured has no value in a column; empty if it was not measured."""
    way = next((way for way in measure.ways if entry.scores.keys() >= {*_tasks(way)}), ())
    reasons = (entry.scores[task].unjudged.get(measure.metric, "") for task in _tasks(way))
    return next(filter(None, reasons), "")


def _reported_way(entry: Entry, measure: Measure) -> Way | None:
    """Return the first way with all its values; lmms-eval may lack some (BERTScore without its model)."""
    tasks = entry.manifest.tasks
    has = {name for name, task in tasks.items() if isinstance(task.metrics.get(measure.metric), int | float)}
    return next((way for way in measure.ways if all(has.issuperset(part.tasks) for part in way)), None)


def _reported(entry: Entry, way: Way, measure: Measure) -> CellView:
    """Return the cell of lmms-eval's means, weighted by questions with a score, which is the mean over all questions."""
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
    """Return the signatures; all measures of where a model looks share one."""
    rules = set()
    for name in _tasks(way):
        scores = entry.scores[name].under("ar" if measure.metric == _LAYER else measure.metric)
        rules.add(entry.manifest.tasks[name].rules.get(measure.metric, "") if scores is None else scores.rule)
    return "; ".join(sorted(rules - {""}))


def _tasks(way: Way) -> list[str]:
    return [task for part in way for task in part.tasks]
