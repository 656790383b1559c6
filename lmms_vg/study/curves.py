"""Every measure at every layer, with what a blind look has there (paper, Figures 3, Q.25 and Q.26)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from lmms_vg.runs.grounding import HIDDEN
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.image_band import ImageBand, bands
from lmms_vg.study.layer_values import BETTER, MEASURES, LayerTable, Measure, silent
from lmms_vg.study.study_table import StudyTable

Quantity = Literal["value", "even", "level", "excess", "steered"]

#: Quantities that are judged: 0 is what a blind look has.
JUDGED: tuple[Quantity, ...] = ("excess", "steered")


class LookCurve(NamedTuple):
    """One quantity of one measure of a task, by layer; see `StudiedTask` for what quantities are."""

    task: StudiedTask
    measure: Measure
    quantity: Quantity
    band: ImageBand


def curves(tasks: Sequence[StudiedTask]) -> list[LookCurve]:
    """Return all curves of tasks; those without any value are left out."""
    order = {name: place for place, name in enumerate(MEASURES)}
    all_curves = [curve for task in tasks for curve in sorted(_of_task(task), key=lambda curve: order[curve.measure])]
    return [curve for curve in all_curves if curve.band.n]


def verdicts(curve: LookCurve) -> list[str]:
    """Say of each layer whether looking is shown: the band over all layers is on the better side of 0."""
    better = BETTER[curve.measure]
    nearest = curve.band.low_all if better > 0 else -curve.band.high_all
    hidden = curve.task.hides
    words = []
    for layer, end in enumerate(nearest):
        if silent(curve.measure, curve.quantity) and hidden[layer]:
            words.append(HIDDEN)
        else:
            words.append("-" if np.isnan(end) else "shown" if end > 0 else "not shown")
    return words


def table(all_curves: Sequence[LookCurve]) -> StudyTable:
    """Put curves into a table: one row per task, measure, quantity and layer; `rows` says whose attention it is."""
    return StudyTable("curves", [row for curve in all_curves for row in _rows(curve)])


def named(task: StudiedTask) -> dict[str, str]:
    """Return the columns that every table starts with; `unit` is what its column `images` counts."""
    about = {"model": task.model, "method": task.method, "task": task.task, "side": task.side, "kind": task.kind}
    return {**about, "unit": task.unit}


def _of_task(task: StudiedTask) -> Iterator[LookCurve]:
    tables: dict[tuple[Measure, Quantity], LayerTable] = {}
    for measure in MEASURES:
        tables[measure, "value"] = task.values[measure]
        tables[measure, "even"] = np.repeat(task.even[measure][:, None], task.layers, axis=1)
        tables[measure, "level"] = task.level[measure]
        tables[measure, "excess"] = task.excess[measure]
        if measure in task.steered:
            tables[measure, "steered"] = task.steered[measure]
    for (measure, quantity), band in bands(tables, task.units, SEED).items():
        yield LookCurve(task, measure, quantity, band)


def _rows(curve: LookCurve) -> Iterator[Row]:
    outcomes = verdicts(curve) if curve.quantity in JUDGED else [""] * curve.task.layers
    hidden = curve.task.hides
    ends = zip(*curve.band[2:7], strict=True)
    for layer, (mean, low, high, low_all, high_all) in enumerate(ends):
        yield {
            **named(curve.task),
            "rows": curve.task.rows,
            "measure": curve.measure,
            "quantity": curve.quantity,
            "layer": layer,
            "mean": float(mean),
            "low": float(low),
            "high": float(high),
            "low_all_layers": float(low_all),
            "high_all_layers": float(high_all),
            "verdict": outcomes[layer],
            "hidden_patches": bool(hidden[layer]),
            "n": curve.band.n,
            "images": curve.band.images,
        }
