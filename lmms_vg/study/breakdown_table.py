"""Attention by modality, body part, organ, source, and size of the box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan

import numpy as np

from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.image_band import bands
from lmms_vg.study.layer_values import MEASURES
from lmms_vg.study.questions import StudyQuestion
from lmms_vg.study.study_table import StudyTable

#: Edges of the bins of box size, as shares of the visible patches.
EDGES = (0.01, 0.05, 0.10, 0.30)
BINS = ("< 1%", "1-5%", "5-10%", "10-30%", "> 30%")

UNMEASURED = "no kept maps"


def bin_of(share: float) -> str:
    """Return the bin of a box's share of the visible patches.

    >>> bin_of(0.009), bin_of(0.05), bin_of(1), bin_of(float("nan"))
    ('< 1%', '5-10%', '> 30%', 'no kept maps')
    """
    return UNMEASURED if isnan(share) else BINS[int(np.searchsorted(EDGES, share, side="right"))]


#: Axis -> category of a question.
AXES: dict[str, Callable[[StudyQuestion], str]] = {
    "all": lambda question: "all",
    "modality": lambda question: question.modality,
    "body part": lambda question: question.body_part,
    "organ": lambda question: question.organ,
    "source": lambda question: question.source,
    "box share": lambda question: bin_of(question.share),
}


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per task, axis, category, measure and quantity, at the chosen layer; no interval under ten images."""
    rows: list[Row] = []
    for task in tasks:
        for axis, category in AXES.items():
            rows += _of_axis(task, tasks, axis, [category(question) for question in task.questions])
    return StudyTable("breakdown", rows)


def _of_axis(task: StudiedTask, tasks: Sequence[StudiedTask], axis: str, categories: Sequence[str]) -> list[Row]:
    layer = chosen(task, tasks)
    at_layer = {
        (measure, quantity): layer.of(values[measure], task.units)[:, None]
        for measure in MEASURES
        for quantity, values in (("value", task.values), ("excess", task.excess))
    }
    hidden = task.hides_at(layer)
    rows: list[Row] = []
    for name in sorted(set(categories), key=_in_order):
        members = np.array([category == name for category in categories])
        units = [unit for unit, member in zip(task.units, members, strict=True) if member]
        tables = {key: values[members] for key, values in at_layer.items()}
        for (measure, quantity), band in bands(tables, units, SEED).items():
            if band.n:
                rows.append(
                    {
                        **named(task),
                        "axis": axis,
                        "category": name,
                        "layer": layer.said,
                        "layer_chosen_on": layer.how,
                        "measure": measure,
                        "quantity": quantity,
                        "mean": float(band.mean[0]),
                        "low": float(band.low[0]),
                        "high": float(band.high[0]),
                        "n": band.n,
                        "images": band.images,
                        "hidden_patches": hidden,
                    }
                )
    return rows


def _in_order(category: str) -> tuple[int, str]:
    return (BINS.index(category) if category in BINS else len(BINS), category)
