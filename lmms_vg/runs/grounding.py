"""Where a run looked, judged by what maps that cannot know the box have: excess over maps of other images, and placement.

All from the maps that the run's journal keeps, at one layer. Several grids are measured apart and put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.map_looks import BETTER, MapLooks, Name, map_looks
from lmms_vg.runs.results import Run
from lmms_vg.runs.saying import LEVEL

#: What is said where patches have no attention at all,
HIDDEN = "no verdict (hidden patches)"

#: and of which measures: KL explodes where a box holds such a patch, and maps of other images, which hide patches of this
#: box, too, lower the level of log AR.
SPOILED: tuple[Name, ...] = ("log AR", "KL")

#: The reason, in words.
SPOILED_WHY = (
    "in this layer patches have no attention at all, as under a knockout. KL explodes where one of them lies in a box; and "
    "maps of other images hide patches of this box, too, and such a box counts as AR .001, which lowers the level of log AR "
    "and makes its excess too large. Read JS and placement there"
)


class LookStrength(NamedTuple):
    """One measure of one task.

    Attributes:
        value: mean of the questions.
        level: mean of what maps of other images have on the same boxes; .5 for placement.
        excess: value minus level, with an interval and a p-value from whole images; 0 is what a blind look has.
        n: number of questions; those without enough other images, or places, are left out.
    """

    value: float
    level: float
    excess: Difference
    n: int


class Grounding(NamedTuple):
    """How a run looked at the boxes of a task.

    Attributes:
        layer: the layer, from 0.
        in_sample: whether it was chosen as the one of lowest mean KL on these questions.
        hidden: whether a patch has no attention at all in this layer, as under a knockout, so that KL and log AR say nothing.
        asked: number of questions with measured attention; fewer may have maps.
        looked: measure -> what was found; a measure is left out where no question has it.
        questions: measure -> uid -> value and level of each question that has both.
        images: uid -> image.
    """

    layer: int
    in_sample: bool
    hidden: bool
    asked: int
    looked: dict[Name, LookStrength]
    questions: dict[Name, dict[str, tuple[float, float]]]
    images: dict[str, str]

    def judges(self, name: Name) -> bool:
        """Whether a measure gets a verdict in this layer."""
        return not (self.hidden and name in SPOILED)

    def verdicts(self, adjusted: Mapping[Name, float]) -> dict[Name, str]:
        """Say of each measure whether looking is shown; `adjusted` is measure -> corrected p-value."""
        return {
            name: HIDDEN
            if not self.judges(name)
            else "shown"
            if adjusted[name] < LEVEL and BETTER[name] * found.excess.mean > 0
            else "not shown"
            for name, found in self.looked.items()
        }


def grounding(run: Run, layers: Mapping[str, int | None]) -> dict[str, Grounding | str]:
    """Judge where a run looked, with its journal read once.

    Args:
        run: the run; its journal must be on this machine.
        layers: task -> the layer; None for the one of lowest mean KL.

    Returns:
        Task -> the result, or why there is none.

    Raises:
        ValueError: the layer is not there.
    """
    at = {task: run.means[task]["best_layer"] if given is None else given for task, given in layers.items()}
    found = map_looks(run, {task: [int(layer)] for task, layer in at.items() if layer is not None})
    return {
        task: "no question has a value"
        if task not in found
        else looks
        if isinstance(looks := found[task], str)
        else _judged(looks, layers[task] is None)
        for task in layers
    }


def corrected(results: Mapping[str, Grounding]) -> dict[str, dict[Name, float]]:
    """Return task -> measure -> p-value, corrected (Holm) over all that get a verdict; NaN for the others."""
    p = {
        (task, name): found.excess.p
        for task, result in results.items()
        for name, found in result.looked.items()
        if result.judges(name)
    }
    adjusted = dict(zip(p, holm({f"{number}": value for number, value in enumerate(p.values())}).values(), strict=True))
    return {task: {name: adjusted.get((task, name), nan) for name in result.looked} for task, result in results.items()}


def _judged(looks: MapLooks, in_sample: bool) -> Grounding:
    questions: dict[Name, dict[str, tuple[float, float]]] = {}
    for name in looks.value:
        pairs = zip(looks.value[name][:, 0].tolist(), looks.level[name][:, 0].tolist(), strict=True)
        questions[name] = {
            uid: pair for uid, pair in zip(looks.uids, pairs, strict=True) if isfinite(pair[0]) and isfinite(pair[1])
        }
    images = dict(zip(looks.uids, looks.images, strict=True))
    looked = {name: _looked(pairs, images) for name, pairs in questions.items() if pairs}
    return Grounding(looks.layers[0], in_sample, bool(looks.hidden[0]), looks.asked, looked, questions, images)


def _looked(known: Mapping[str, tuple[float, float]], images: Mapping[str, str]) -> LookStrength:
    value, level = np.mean([*known.values()], axis=0)
    blind, own = ({uid: pair[place] for uid, pair in known.items()} for place in (1, 0))
    return LookStrength(float(value), float(level), paired(blind, own, images), len(known))
