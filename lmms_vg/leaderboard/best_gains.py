"""The gain of each table's best method over the plain run of its own model: the numbers that a visitor sees first.

Where models look is compared at the plain run's layer, since each run's own layer would compare two layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple

from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.estimates import way_of
from lmms_vg.leaderboard.layer_looks import METRICS, LayerLooks
from lmms_vg.leaderboard.plain_pairing import PlainRuns
from lmms_vg.leaderboard.ranks import ALPHA
from lmms_vg.leaderboard.said import changed, task_run
from lmms_vg.leaderboard.table_model import RowView, TableView
from lmms_vg.metrics.statistics import Difference, paired
from lmms_vg.runs.source_words import SourceWords, source_words
from lmms_vg.submission.look_scores import SILENT
from lmms_vg.submission.validated import Entry

#: Reads where a submission looked in a task.
Looks = Callable[[Entry, str], LayerLooks | None]

_Question = tuple[str, str]  # part or task, and uid

#: Said of a weighted mean, whose parts have no sum.
_WEIGHTED = SourceWords("what of it is format or criterion is told for each task on its page")


class BestGain(NamedTuple):
    """The best ranked method of a table.

    Attributes:
        table: the table.
        entry: the submission.
        plain: id of its plain run.
        column: title of the column.
        difference: method minus plain on the column's questions, in its unit.
        n: number of questions.
        p: for no difference, times `among`: the best of many is partly the luckiest.
        among: number of methods with a plain run that it is the best of.
        better: whether a difference that is shown (p below .05) is in the direction that is better; None where none is shown.
        layer: the plain run's layers at which a look is compared; empty for other columns.
        words: the source of a difference that is shown, if it does not come from better answers, or where to read it; None
            otherwise, and for metrics other than accuracy.
    """

    table: TableView
    entry: Entry
    plain: str
    column: str
    difference: Difference
    n: int
    p: float
    among: int
    better: bool | None
    layer: str
    words: SourceWords | None = None


def best_gains(
    tables: Sequence[tuple[TableView, Measure]],
    entries: Sequence[Entry],
    plain: Mapping[str, PlainRuns],
    looks: Looks,
) -> list[BestGain]:
    """Return the gain of each table whose rows have a method with a plain run on the same questions.

    Args:
        tables: each with a column, its `ranked`, and the measure of it (`headlines`).
        entries: the submissions.
        plain: `plain_runs` of them.
        looks: reads where a submission looked.
    """
    by_id = {entry.id: entry for entry in entries}
    gains = []
    for table, measure in tables:
        rows = [row for row in _best_first(table, measure) if row.entry in plain]
        for row in rows:
            gain = _gain(table, measure, by_id[row.entry], plain[row.entry].of, looks, len(rows))
            if gain is not None:
                gains.append(gain)
                break
    return gains


def headlines(table: TableView, measures: Sequence[Measure]) -> list[tuple[TableView, Measure]]:
    """Return a table with the column of where models look, if it has one, and with the column that orders it."""
    looked = [number for number, measure in enumerate(measures) if measure.metric == "excess_js"]
    return [(table._replace(ranked=number), measures[number]) for number in dict.fromkeys([*looked[:1], table.ranked])]


def _best_first(table: TableView, measure: Measure) -> list[RowView]:
    sign = 1 if measure.better == "lower" else -1
    ranked = [row for row in table.measured if row.cells[table.ranked].rank is not None]
    return sorted(ranked, key=lambda row: (sign * (row.cells[table.ranked].value or 0.0), row.entry))


def _gain(
    table: TableView, measure: Measure, entry: Entry, plain: Mapping[str, Entry], looks: Looks, among: int
) -> BestGain | None:
    way = way_of(entry, measure)
    if way is None or any(task not in plain for part in way for task in part.tasks):
        return None
    layers: set[int] = set()
    before: dict[_Question, float] = {}
    after: dict[_Question, float] = {}
    images: dict[_Question, str] = {}
    parts: dict[_Question, str] = {}
    for number, part in enumerate(way):
        for task in part.tasks:
            old, new, of = _values(entry, plain[task], task, measure.metric, looks, layers)
            for uid in old.keys() & new.keys():
                before[task, uid], after[task, uid], images[task, uid] = old[uid], new[uid], of[uid]
                parts[task, uid] = str(number)
    if not before:
        return None
    order = sorted(before)
    scale = 100 if measure.unit == "%" else 1
    difference = paired(
        {name: scale * before[name] for name in order},
        {name: scale * after[name] for name in order},
        images,
        parts=parts,
        weights={str(number): part.weight for number, part in enumerate(way)},
    )
    runs = ", ".join(sorted({plain[task].id for part in way for task in part.tasks}))
    where = ", ".join(map(str, sorted(layers)))
    p = min(1.0, difference.p * among)
    better = _better(difference, p, measure)
    words = None
    if better is not None and measure.metric == "acc":
        words = _lives(entry, plain, way[0].tasks, difference.mean, p) if len(way) == 1 else _WEIGHTED
    return BestGain(table, entry, runs, measure.title, difference, len(order), p, among, better, where, words)


def _lives(
    entry: Entry, plain: Mapping[str, Entry], tasks: Sequence[str], difference: float, p: float
) -> SourceWords | None:
    before = [task_run(task, plain[task].scores[task]) for task in tasks]
    made_of = changed(before, [task_run(task, entry.scores[task]) for task in tasks])
    return None if made_of is None else source_words(difference, made_of, made_of.source(difference, p))


def _values(
    entry: Entry, plain: Entry, task: str, metric: str, looks: Looks, layers: set[int]
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Return the plain run's values and the method's by uid, and images; notes the layer of a look in `layers`."""
    if metric not in METRICS:
        scores = [run.scores[task].under(metric) for run in (plain, entry)]
        old, new = (dict(_finite(side.uids, side.values.tolist())) if side else {} for side in scores)
        return old, new, dict(zip(entry.scores[task].uids, entry.scores[task].images, strict=True))
    both = [looks(run, task) for run in (plain, entry)]
    if both[0] is None or both[1] is None:
        return {}, {}, {}
    layer = both[0].best
    if metric in SILENT and any(layer in look.hidden for look in both if look is not None):
        return {}, {}, {}
    layers.add(layer)
    old, new = (
        dict(_finite(look.uids, look.values[metric][:, layer].tolist()))
        if look is not None and metric in look.values
        else {}
        for look in both
    )
    return old, new, dict(zip(both[1].uids, both[1].images, strict=True))


def _finite(uids: Sequence[str], values: Sequence[float]) -> list[tuple[str, float]]:
    return [(uid, value) for uid, value in zip(uids, values, strict=True) if isfinite(value)]


def _better(difference: Difference, p: float, measure: Measure) -> bool | None:
    if not difference.has_interval or p >= ALPHA:
        return None
    return difference.mean < 0 if measure.better == "lower" else difference.mean > 0
