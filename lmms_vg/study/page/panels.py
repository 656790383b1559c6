"""The charts of the page: how much more than other images, layer by layer, and raw values beside what a blind look has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.study.chosen_layer import chosen
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.curves import LookCurve, Quantity
from lmms_vg.study.layer_values import Measure
from lmms_vg.study.page.input import CurveLine, CurvePanel, Values
from lmms_vg.study.page.sides import short_name
from lmms_vg.study.questions import NATURAL


class PanelKind(NamedTuple):
    """The content of one chart.

    Attributes:
        title: behind the task's name.
        measure: what is drawn.
        quantity: of the measure.
        better: which direction is better, in words.
        chance: the straight chance line; None where each line has its own dotted one.
        chance_words: what is dotted.
    """

    title: str
    measure: Measure
    quantity: Quantity
    better: str
    chance: float | None
    chance_words: str


_KINDS = (
    PanelKind(
        "attention on the box above other images (log AR)",
        "AR",
        "excess",
        "higher is better, 0.69 is twice as much",
        0.0,
        "0: what a look has that cannot know the box",
    ),
    PanelKind(
        "attention ratio (AR)",
        "AR",
        "value",
        "to be read beside the dotted lines only",
        None,
        "the same with maps of other images",
    ),
    PanelKind(
        "placement", "placement", "value", "higher is better", 0.5, "0.5: the box is like any other place of the image"
    ),
)

#: Of raw values where there are too few other images.
_EVEN = _KINDS[1]._replace(
    better="depends on padding, too", chance=1.0, chance_words="1: attention that is even everywhere"
)


def panels(curves: Sequence[LookCurve], tasks: Sequence[StudiedTask]) -> list[CurvePanel]:
    """Return the charts of every task: one line per model and method."""
    by_key = {(id(curve.task), curve.measure, curve.quantity): curve for curve in curves}
    names = dict.fromkeys(task.task for task in tasks)
    charts = []
    for name in sorted(names):
        for kind in _KINDS:
            drawn = [
                _line(curve, by_key.get((id(task), kind.measure, "level")) if kind.chance is None else None, tasks)
                for task in tasks
                if task.task == name and (curve := by_key.get((id(task), kind.measure, kind.quantity)))
            ]
            if drawn:
                judged = (
                    kind if kind.chance is not None or any(np.isfinite(line.chance).any() for line in drawn) else _EVEN
                )
                charts.append(
                    CurvePanel(f"{name}: {kind.title}", judged.better, drawn, judged.chance, judged.chance_words)
                )
    return charts


def _line(curve: LookCurve, level: LookCurve | None, tasks: Sequence[StudiedTask]) -> CurveLine:
    task, band = curve.task, curve.band
    none: Values = np.full(task.layers, np.nan)
    return CurveLine(
        name=short_name(task, tasks),
        natural=task.side == NATURAL,
        mean=band.mean,
        low=band.low,
        high=band.high,
        chance=level.band.mean if level else none,
        marked=chosen(task, tasks).layers,
        hidden=np.flatnonzero(task.hidden.any(axis=0)).tolist(),
    )
