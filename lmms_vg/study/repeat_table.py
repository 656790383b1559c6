"""Does attention depend on the wording of a question? A test on boxes that a task asks about in several wordings.

One-way analysis of variance: questions about one box share the effect of the box, so the variance within a box is that of the
wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.alignment import Array
from lmms_vg.metrics.statistics import FEW, percentile_interval
from lmms_vg.metrics.statistics.bootstrap import image_draws
from lmms_vg.runs.tidy_rows import SEED, Row
from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import named
from lmms_vg.study.layer_values import MEASURES
from lmms_vg.study.study_table import StudyTable

_RESAMPLES = 2000


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
    within, between, reliability = (float(values[0]) for values in _spreads(groups, np.ones((1, len(groups)))))
    return WordingSpread(within, between, reliability)


def interval(groups: Sequence[Array], units: Sequence[str]) -> tuple[float, float]:
    """95% interval of the reliability; whole images are drawn (seed 0), and there is none under ten.

    Args:
        groups: as in `repeated`.
        units: the image of each group, or its patient.
    """
    names = sorted(set(units))
    if len(names) < FEW:
        return nan, nan
    of_image = np.array([[unit == name for unit in units] for name in names], dtype=np.float64)
    drawn = [_spreads(groups, times @ of_image)[2] for times in image_draws(len(names), _RESAMPLES, SEED)]
    low, high = percentile_interval(np.concatenate(drawn))
    return float(low), float(high)


def _spreads(groups: Sequence[Array], times: Array) -> tuple[Array, Array, Array]:
    """Within, between and reliability, (resamples,) each, from how often each group counts, (resamples, groups)."""
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    means = np.array([group.mean() for group in groups])
    inside = np.array([((group - group.mean()) ** 2).sum() for group in groups])
    n, number = times @ sizes, times.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = (times @ inside) / (n - number)
        grand = (times @ (sizes * means)) / n
        squares = times @ (sizes * means**2) - n * grand**2
        usual = (n - (times @ sizes**2) / n) / (number - 1)  # questions per box
        between = np.where(number > 1, np.maximum(0, squares / (number - 1) - within) / usual, nan)
        total = between + within
        reliability = np.where(total > 0, between / total, nan)
    return np.sqrt(within), np.sqrt(between), reliability


def table(tasks: Sequence[StudiedTask]) -> StudyTable:
    """Return one row per task and measure, at the chosen layer; tasks that ask about every box once have none."""
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
        known = [(members, values[members][np.isfinite(values[members])]) for members in asked]
        measured = [(members, group) for members, group in known if len(group) > 1]
        groups = [group for _, group in measured]
        if groups:
            spread = repeated(groups)
            low, high = interval(groups, [task.units[members[0]] for members, _ in measured])
            rows.append(
                {
                    **named(task),
                    "measure": measure,
                    "layer": layer.said,
                    "layer_chosen_on": layer.how,
                    "sd_within_box": spread.within,
                    "sd_between_boxes": spread.between,
                    "reliability": spread.reliability,
                    "low": low,
                    "high": high,
                    "boxes": len(groups),
                    "n": sum(len(group) for group in groups),
                    "images": len({task.images[members[0]] for members in asked}),
                }
            )
    return rows
