"""Does the wording of a question move the look? Boxes that a task asks about in several wordings.

One-way analysis of variance: questions about one box share what the box has; what is left within a box is the wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, sqrt
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.alignment import Array
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.layer_values import MEASURES
from lmms_vg.study.study_table import Row, StudyTable


class WordingSpread(NamedTuple):
    """Spread within and between boxes.

    Attributes:
        within: standard deviation between wordings of one box.
        between: standard deviation between boxes, without what wordings add to it.
        reliability: share of the variance that is between boxes, ICC(1): 1 if wording does not matter, 0 if boxes do not;
            NaN with a single box, or if all values are alike.
    """

    within: float
    between: float
    reliability: float


def repeated(groups: Sequence[Array]) -> WordingSpread:
    """Compare the spread within groups of two values or more with that between them."""
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    n, number = sizes.sum(), len(groups)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / (n - number)
    if number < 2:
        return WordingSpread(sqrt(within), nan, nan)
    grand = np.concatenate(groups).mean()
    means = np.array([group.mean() for group in groups])
    spread = float((sizes * (means - grand) ** 2).sum()) / (number - 1)
    usual = float(n - (sizes**2).sum() / n) / (number - 1)  # questions per box
    between = max(0.0, (spread - within) / usual)
    total = between + within
    return WordingSpread(sqrt(within), sqrt(between), between / total if total else nan)


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """One row per task and measure, at the chosen layer; tasks that ask about every box once have none."""
    return StudyTable("repeatability", [row for task in tasks for row in _rows(task, tasks)])


def _rows(task: StudiedTask, tasks: Sequence[StudiedTask]) -> list[Row]:
    boxes: dict[tuple[object, ...], list[int]] = {}
    for i, question in enumerate(task.questions):
        if question.boxes:
            boxes.setdefault((question.image, question.boxes), []).append(i)
    asked = [members for members in boxes.values() if len({task.questions[i].text for i in members}) > 1]
    if not asked:
        return []
    layer = chosen(task, tasks)
    rows: list[Row] = []
    for measure in MEASURES:
        values = layer.of(task.values[measure], task.units)
        groups = [known for members in asked if len(known := values[members][np.isfinite(values[members])]) > 1]
        if groups:
            found = repeated(groups)
            rows.append(
                {
                    **named(task),
                    "measure": measure,
                    "layer": layer.said,
                    "layer_chosen_on": layer.how,
                    "sd_within_box": found.within,
                    "sd_between_boxes": found.between,
                    "reliability": found.reliability,
                    "boxes": len(groups),
                    "n": sum(len(group) for group in groups),
                    "images": len({task.images[members[0]] for members in asked}),
                }
            )
    return rows
