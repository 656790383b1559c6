"""Are answers right where the model looks at the right place? For questions that have an answer and a place."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from lmms_vg.metrics.auc_interval import auc_interval
from lmms_vg.metrics.forced_choice import auc
from lmms_vg.runs.layer_choice import LayerChoice
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.breakdown_table import BINS, bin_of
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.layer_values import BETTER, Measure
from lmms_vg.study.study_table import StudyTable

#: Measures that are compared with the answers, and their values for an even look; better values count as grounded. For KL and
#: JS, this value depends on the size of the box, so only their excess over other images is taken.
LOOKS: tuple[tuple[Measure, str, float], ...] = (
    ("AR", "value", 1.0),
    ("AR", "excess", 0.0),
    ("KL", "excess", 0.0),
    ("JS", "excess", 0.0),
    ("placement", "value", 0.5),
)


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per task, measure, quantity and bin of box size.

    Columns `both` to `neither` count questions. `auc` is the probability that a right answer's look is better than a wrong
    one's: 0.5 if the look tells nothing.
    """
    rows: list[Row] = []
    for task in tasks:
        if any(question.right is not None for question in task.questions):
            layer = chosen(task, tasks)
            for look in LOOKS:
                for boxes in ("all", *BINS):
                    rows += _row(task, layer, look, boxes)
    return StudyTable("correct_grounded", rows)


def _row(task: StudiedTask, layer: LayerChoice, look: tuple[Measure, str, float], boxes: str) -> list[Row]:
    measure, quantity, even = look
    source = task.values if quantity == "value" else task.excess
    looks = BETTER[measure] * (layer.of(source[measure], task.units) - even)
    members = [
        i
        for i, question in enumerate(task.questions)
        if question.right is not None and boxes in ("all", bin_of(question.share)) and np.isfinite(looks[i])
    ]
    if not members:
        return []
    right = np.array([bool(task.questions[i].right) for i in members])
    values, units = looks[members], [task.units[i] for i in members]
    grounded = values > 0
    low, high = auc_interval(values.tolist(), right.tolist(), units, seed=SEED)
    both = len(set(right.tolist())) > 1
    return [
        {
            **named(task),
            "measure": measure,
            "quantity": quantity,
            "box share": boxes,
            "layer": layer.said,
            "layer_chosen_on": layer.how,
            "hidden_patches": task.hides_at(layer),
            "both": int((right & grounded).sum()),
            "right_only": int((right & ~grounded).sum()),
            "grounded_only": int((~right & grounded).sum()),
            "neither": int((~right & ~grounded).sum()),
            "auc": auc(values.tolist(), right.tolist()) if both else nan,
            "low": low,
            "high": high,
            "chance": 0.5,
            "n": len(members),
            "images": len(set(units)),
        }
    ]
