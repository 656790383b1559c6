"""Does another method, or another model, look better? Differences on the same questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.chosen_layer import chosen, plain_of
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.image_band import bands
from lmms_vg.study.layer_values import MEASURES, LayerTable, Measure, silent
from lmms_vg.study.study_table import StudyTable

QUANTITIES = ("value", "excess")


class TaskPair(NamedTuple):
    """A task of two runs, on the questions that both have.

    Attributes:
        base: the run that the other is compared with.
        other: the other.
        first: number of each common question in the base.
        second: its number in the other.
    """

    base: StudiedTask
    other: StudiedTask
    first: tuple[int, ...]
    second: tuple[int, ...]

    @property
    def units(self) -> list[str]:
        """The unit of resampling of each common question."""
        return [self.base.units[i] for i in self.first]

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """Layers, (layers,), in which one of the two hides patches, so that KL is undefined."""
        return self.base.hides | self.other.hides

    def difference(self, measure: Measure, quantity: str) -> LayerTable:
        """Other minus base, (common questions, layers)."""
        a, b = (
            (task.values if quantity == "value" else task.excess)[measure][list(places)]
            for task, places in ((self.base, self.first), (self.other, self.second))
        )
        return b - a

    @property
    def columns(self) -> dict[str, str]:
        """The columns that its rows start with."""
        return {**named(self.other), "base_model": self.base.model, "base_method": self.base.method}


def pairs(tasks: Sequence[StudiedTask]) -> list[TaskPair]:
    """Pair every method with its model's plain run, and every model's plain run with the first model's.

    Only tasks with equally many layers and at least one common question are paired.
    """
    matches = [(base, task) for task in tasks if (base := plain_of(task, tasks)) is not task]
    first: dict[str, StudiedTask] = {}
    for task in tasks:
        if task.run.is_plain:
            base = first.setdefault(task.task, task)
            if base.model != task.model and base.layers == task.layers:
                matches.append((base, task))
    return [pair for pair in (_paired(*both) for both in matches) if pair.first]


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per pair, measure, quantity and layer."""
    return StudyTable("differences", [row for pair in pairs(tasks) for row in _layer_rows(pair)])


def chosen_table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per pair, measure and quantity at the base's chosen layer; p-values are Holm-corrected over measures."""
    rows = [row for pair in pairs(tasks) for quantity in QUANTITIES for row in _chosen_rows(pair, quantity, tasks)]
    return StudyTable("differences_headline", rows)


def _layer_rows(pair: TaskPair) -> Iterator[Row]:
    tables = {
        (measure, quantity): pair.difference(measure, quantity) for quantity in QUANTITIES for measure in MEASURES
    }
    for (measure, quantity), band in bands(tables, pair.units, SEED).items():
        for layer, ends in enumerate(zip(*band[2:7], strict=True) if band.n else ()):
            names = ("difference", "low", "high", "low_all_layers", "high_all_layers")
            yield {
                **pair.columns,
                "measure": measure,
                "quantity": quantity,
                "layer": layer,
                **dict(zip(names, map(float, ends), strict=True)),
                "hidden_patches": bool(pair.hidden[layer]),
                "n": band.n,
                "images": band.images,
            }


def _chosen_rows(pair: TaskPair, quantity: str, tasks: Sequence[StudiedTask]) -> Iterator[Row]:
    layer = chosen(pair.base, tasks)
    hidden = bool(pair.hidden[layer.layers].any())
    tests = {
        measure: _difference(layer.of(pair.difference(measure, quantity), pair.units), pair.units)
        for measure in MEASURES
    }
    adjusted = holm(
        {name: test[0].p for name, test in tests.items() if test and not (hidden and silent(name, quantity))}
    )
    for measure, test in tests.items():
        if test is not None:
            difference, n, images = test
            yield {
                **pair.columns,
                "measure": measure,
                "quantity": quantity,
                "layer": layer.said,
                "layer_chosen_on": layer.how,
                "layer_task": layer.on,
                "difference": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "p_holm": adjusted.get(measure, nan),
                "hidden_patches": hidden,
                "n": n,
                "images": images,
            }


def _difference(values: LayerTable, units: Sequence[str]) -> tuple[Difference, int, int] | None:
    """Judge differences of questions, and count the questions and images; None if there are none."""
    known = {i: units[i] for i in np.flatnonzero(np.isfinite(values)).tolist()}
    if not known:
        return None
    judged = paired(dict.fromkeys(known, 0.0), {i: float(values[i]) for i in known}, known, seed=SEED)
    return judged, len(known), len(set(known.values()))


def _paired(base: StudiedTask, other: StudiedTask) -> TaskPair:
    second = {question.uid: i for i, question in enumerate(other.questions)}
    both = [(i, second[question.uid]) for i, question in enumerate(base.questions) if question.uid in second]
    first, others = zip(*both, strict=True) if both else ((), ())
    return TaskPair(base, other, tuple(first), tuple(others))
