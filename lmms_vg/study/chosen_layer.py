"""The layer at which a task is reported, chosen on other questions than those that are reported.

The layer of lowest mean KL on the questions that are reported is the best of many on them, so what is reported there is too
good. It is chosen on the same kind of questions about the other sort of images (COCO for medical ones, and the other way
round), or else on the other half of the images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmms_vg.runs.layer_choice import LayerChoice, on_the_other_half, on_the_other_halves
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.image_band import bands
from lmms_vg.study.layer_values import MEASURES, LayerTable, Measure
from lmms_vg.study.questions import MEDICAL, NATURAL
from lmms_vg.study.study_table import StudyTable


def plain_of(task: StudiedTask, tasks: Sequence[StudiedTask]) -> StudiedTask:
    """Return the same task of the plain run of the same model; the task itself if there is none."""
    for other in tasks:
        if other.run.is_plain and (other.model, other.task, other.layers) == (task.model, task.task, task.layers):
            return other
    return task


def chosen(task: StudiedTask, tasks: Sequence[StudiedTask]) -> LayerChoice:
    """Choose a layer for a task of a study, on the plain run of its model if there is one."""
    base = plain_of(task, tasks)
    sides = {MEDICAL: NATURAL, NATURAL: MEDICAL}
    for other in tasks:
        wanted = other.side == sides.get(base.side) and other.kind == base.kind
        if wanted and (other.model, other.method) == (base.model, base.method):
            return LayerChoice((other.best_layer, other.best_layer), "other images", other.task)
    choice = on_the_other_half(*_known(base))
    return in_sample(task) if choice.in_sample else choice._replace(on=base.task)


def common(pair: Sequence[StudiedTask], tasks: Sequence[StudiedTask]) -> LayerChoice:
    """Choose a layer for tasks that are compared, such as medical and natural images, on the other halves of all of them.

    It is the layer of lowest mean KL, where each task counts the same, on the plain runs of the model if there are any.
    """
    bases = [plain_of(task, tasks) for task in pair]
    choice = on_the_other_halves([_known(base) for base in bases])
    return choice._replace(on=" and ".join(base.task for base in bases))


def _known(task: StudiedTask) -> tuple[LayerTable, list[str]]:
    """KL of the questions that have it in every layer, and what each is drawn with."""
    kl = task.values["KL"]
    known = np.flatnonzero(np.isfinite(kl).all(axis=1))
    return kl[known], [task.units[i] for i in known]


def in_sample(task: StudiedTask) -> LayerChoice:
    """Return the layer of lowest mean KL on the very questions."""
    return LayerChoice((task.best_layer, task.best_layer), "in-sample", task.task)


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Every task at its chosen layer and, to see what choosing in-sample would add, at that one."""
    rows: list[Row] = []
    for task in tasks:
        for layer in (chosen(task, tasks), in_sample(task)):
            rows += _rows(task, layer)
    unique = {tuple(row.values()): row for row in rows}
    return StudyTable("headline", [*unique.values()])


def _rows(task: StudiedTask, layer: LayerChoice) -> list[Row]:
    tables = {
        (measure, quantity): layer.of(values, task.units)[:, None]
        for measure in MEASURES
        for quantity, values in _quantities(task, measure).items()
    }
    by_measure, hidden = bands(tables, task.units, SEED), task.hides_at(layer)
    return [
        {
            **named(task),
            "layer": layer.said,
            "layer_chosen_on": layer.how,
            "layer_task": layer.on,
            "measure": measure,
            "quantity": quantity,
            "mean": float(by_measure[measure, quantity].mean[0]),
            "low": float(by_measure[measure, quantity].low[0]),
            "high": float(by_measure[measure, quantity].high[0]),
            "n": by_measure[measure, quantity].n,
            "images": by_measure[measure, quantity].images,
            "hidden_patches": hidden,
        }
        for measure, quantity in tables
        if by_measure[measure, quantity].n
    ]


def _quantities(task: StudiedTask, measure: Measure) -> dict[str, LayerTable]:
    return {"value": task.values[measure], "level": task.level[measure], "excess": task.excess[measure]}
