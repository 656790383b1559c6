"""The layer at which a task is reported, chosen on other questions than those that are reported.

The layer of lowest mean KL on the questions that are reported is the best of many on them, so what is reported there is too
good. It is chosen on the same kind of questions about the other sort of images (COCO for medical ones, and the other way
round), or else on the other half of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.runs.layer_choice import half_of
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.image_band import bands
from lmms_vg.study.layer_values import MEASURES, LayerTable, Measure, lowest
from lmms_vg.study.questions import MEDICAL, NATURAL
from lmms_vg.study.study_table import SEED, Row, StudyTable

#: How a layer was chosen.
OTHER_IMAGES, OTHER_HALF, IN_SAMPLE = "other images", "other half of the images", "in-sample"


class ChosenLayer(NamedTuple):
    """The layer of every question.

    Attributes:
        rule: how it was chosen.
        on: the task it was chosen on.
        at: (questions,), the layer, from 0.
    """

    rule: str
    on: str
    at: NDArray[np.intp]

    @property
    def said(self) -> str:
        """The layer, or the two layers of the halves."""
        return "/".join(map(str, np.unique(self.at)))

    def of(self, values: LayerTable) -> NDArray[np.float64]:
        """Return the value of each question at its layer, (questions,)."""
        taken: NDArray[np.float64] = values[np.arange(len(self.at)), self.at]
        return taken


def plain_of(task: StudiedTask, tasks: Sequence[StudiedTask]) -> StudiedTask:
    """Return the same task of the plain run of the same model; the task itself if there is none."""
    for other in tasks:
        if other.run.is_plain and (other.model, other.task, other.layers) == (task.model, task.task, task.layers):
            return other
    return task


def chosen(task: StudiedTask, tasks: Sequence[StudiedTask]) -> ChosenLayer:
    """Choose a layer for a task of a study, on the plain run of its model if there is one."""
    base = plain_of(task, tasks)
    sides = {MEDICAL: NATURAL, NATURAL: MEDICAL}
    for other in tasks:
        wanted = other.side == sides.get(base.side) and other.kind == base.kind
        if wanted and (other.model, other.method) == (base.model, base.method):
            return ChosenLayer(OTHER_IMAGES, other.task, np.full(len(task.questions), other.best_layer))
    half = halves(base)
    kl = base.values["KL"]
    known = np.isfinite(kl).all(axis=1)
    if not (known & half).any() or not (known & ~half).any():
        return in_sample(task)
    layers = {False: lowest(kl[half]), True: lowest(kl[~half])}
    of_image = {image: layers[bool(side)] for image, side in zip(base.images, half, strict=True)}
    # A method may have answered a question that the plain run did not.
    at = [of_image.get(image, layers[False]) for image in task.images]
    return ChosenLayer(OTHER_HALF, base.task, np.array(at, dtype=np.intp))


def common(pair: Sequence[StudiedTask], tasks: Sequence[StudiedTask]) -> list[ChosenLayer]:
    """Choose one layer for two tasks that are compared, such as medical and natural images, each on the other halves of both.

    It is the layer of lowest mean KL, where both tasks count the same, on the plain runs of the model if there are any.
    """
    bases = [plain_of(task, tasks) for task in pair]
    on = " and ".join(base.task for base in bases)
    parts = [{half: base.values["KL"][halves(base) != half] for half in (False, True)} for base in bases]
    if not all(np.isfinite(kl).all(axis=1).any() for part in parts for kl in part.values()):
        layer = int(np.mean([_mean_kl(base.values["KL"]) for base in bases], axis=0).argmin())
        return [ChosenLayer(IN_SAMPLE, on, np.full(len(task.questions), layer)) for task in pair]
    layers = [int(np.mean([_mean_kl(part[half]) for part in parts], axis=0).argmin()) for half in (False, True)]
    return [ChosenLayer(OTHER_HALF, on, np.array(layers, dtype=np.intp)[halves(task).astype(int)]) for task in pair]


def _mean_kl(kl: LayerTable) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = kl[np.isfinite(kl).all(axis=1)].mean(axis=0)
    return mean


def in_sample(task: StudiedTask) -> ChosenLayer:
    """The layer of lowest mean KL on the very questions."""
    return ChosenLayer(IN_SAMPLE, task.task, np.full(len(task.questions), task.best_layer))


def halves(task: StudiedTask) -> NDArray[np.bool_]:
    """Split the images in the halves of `report`, (questions,); the questions of an image, or patient, stay together."""
    return np.array([half_of(unit) for unit in task.units], dtype=bool)


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Every task at its chosen layer and, to see what choosing in-sample would add, at that one."""
    rows: list[Row] = []
    for task in tasks:
        for layer in (chosen(task, tasks), in_sample(task)):
            rows += _rows(task, layer)
    unique = {tuple(row.values()): row for row in rows}
    return StudyTable("headline", [*unique.values()])


def _rows(task: StudiedTask, layer: ChosenLayer) -> list[Row]:
    tables = {
        (measure, quantity): layer.of(values)[:, None]
        for measure in MEASURES
        for quantity, values in _quantities(task, measure).items()
    }
    found = bands(tables, task.units, SEED)
    return [
        {
            **named(task),
            "layer": layer.said,
            "layer_chosen_on": layer.rule,
            "layer_task": layer.on,
            "measure": measure,
            "quantity": quantity,
            "mean": float(found[measure, quantity].mean[0]),
            "low": float(found[measure, quantity].low[0]),
            "high": float(found[measure, quantity].high[0]),
            "n": found[measure, quantity].n,
            "images": found[measure, quantity].images,
        }
        for measure, quantity in tables
        if found[measure, quantity].n
    ]


def _quantities(task: StudiedTask, measure: Measure) -> dict[str, LayerTable]:
    return {"value": task.values[measure], "level": task.level[measure], "excess": task.excess[measure]}
