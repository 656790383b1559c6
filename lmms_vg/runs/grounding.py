"""Judge a run's attention against maps that cannot know the box: excess over maps of other images, and placement.

All from the maps that the run's journal keeps, at one layer. Several grids are measured apart and put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.layer_choice import LayerChoice
from lmms_vg.runs.map_looks import BETTER, CHANCE, Floats, MapLooks, Name, map_looks
from lmms_vg.runs.map_regions import RegionMean, RegionName, region_means
from lmms_vg.runs.results import Run
from lmms_vg.runs.saying import LEVEL

#: Text where there are too few other images to compare with.
ALONE = "no verdict (too few images)"

#: Text where patches have no attention at all,
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
        level: mean of what maps of other images have on the same boxes; .5 for placement, NaN without enough other images.
        excess: value minus level, with an interval and a p-value from whole images, or patients; 0 is what a blind look has.
            None without a level.
        n: number of questions; those without enough other images (or, if none has them, other questions) or places are left
            out.
        even: mean of what attention that is even over the image has on these boxes.
        over_questions: value minus what maps of the other questions about the same image have; None where there are none.
        n_questions: number of questions that have this.
    """

    value: float
    level: float
    excess: Difference | None
    n: int
    even: float
    over_questions: Difference | None
    n_questions: int


class Grounding(NamedTuple):
    """The attention of a run on the boxes of a task.

    Attributes:
        choice: the layer.
        hidden: whether a patch has no attention at all in this layer, as under a knockout, so that KL and log AR are undefined.
        asked: number of questions with measured attention; fewer may have maps.
        looked: measure -> what was found; a measure is left out where no question has it.
        questions: measure -> uid -> value and level of each question that has both.
        units: uid -> patient, or image where none is known.
        unit: what these are, in words: `image`, `patient`, or `image or patient`.
        ar_window: mean of AR over the mean of all places of the box's shape; NaN where no box has five places.
        regions: which regions the maps name; empty if not wanted.
    """

    choice: LayerChoice
    hidden: bool
    asked: int
    looked: dict[Name, LookStrength]
    questions: dict[Name, dict[str, tuple[float, float]]]
    units: dict[str, str]
    unit: str
    ar_window: float
    regions: dict[RegionName, RegionMean]

    def judges(self, name: Name) -> bool:
        """Return whether a measure gets a verdict in this layer."""
        return self.looked[name].excess is not None and not (self.hidden and name in SPOILED)

    def verdicts(self, adjusted: Mapping[Name, float]) -> dict[Name, str]:
        """Say of each measure whether looking is shown; `adjusted` is measure -> corrected p-value."""
        return {name: self._verdict(name, adjusted[name]) for name in self.looked}

    def _verdict(self, name: Name, p: float) -> str:
        excess = self.looked[name].excess
        if excess is None:
            return ALONE
        if not self.judges(name):
            return HIDDEN
        return "shown" if p < LEVEL and BETTER[name] * excess.mean > 0 else "not shown"


def grounding(
    run: Run, choices: Mapping[str, LayerChoice | None], *, regions: bool = False
) -> dict[str, Grounding | str]:
    """Judge where a run looked, with its journal read once.

    Args:
        run: the run; its journal must be on this machine.
        choices: task -> the layer; None for the one of lowest mean KL on the other half of the images.
        regions: say which regions the maps name, too.

    Returns:
        Task -> the result, or why there is none.

    Raises:
        ValueError: the layer is not there.
    """
    valued = {task: choice for task, choice in choices.items() if choice or run.means[task]["best_layer"] is not None}
    measured = map_looks(run, valued, regions=regions)
    return {
        task: "no question has a value"
        if task not in measured
        else looks
        if isinstance(looks := measured[task], str)
        else _judged(looks)
        for task in choices
    }


def corrected(results: Mapping[str, Grounding]) -> dict[str, dict[Name, float]]:
    """Return task -> measure -> p-value, corrected (Holm) over all that get a verdict; NaN for the others."""
    p = {
        (task, name): look.excess.p
        for task, result in results.items()
        for name, look in result.looked.items()
        if result.judges(name) and look.excess is not None
    }
    adjusted = dict(zip(p, holm({f"{number}": value for number, value in enumerate(p.values())}).values(), strict=True))
    return {task: {name: adjusted.get((task, name), nan) for name in result.looked} for task, result in results.items()}


def _judged(looks: MapLooks) -> Grounding:
    units = dict(zip(looks.uids, looks.units, strict=True))
    questions = questions_of(looks)
    others = {name: _pairs(looks, looks.value[name], level) for name, level in looks.other_questions.items()}
    even: dict[Name, float] = {
        "log AR": float(np.log(looks.even[0]).mean()),
        "KL": float(looks.even[1].mean()),
        "JS": float(looks.even[2].mean()),
    }
    looked = {
        name: _looked(pairs, units, even.get(name, CHANCE), others.get(name, {}))
        for name, pairs in questions.items()
        if pairs or others.get(name)
    }
    window = looks.chosen(looks.ar_window)
    placed = window[np.isfinite(window)]
    return Grounding(
        *(looks.choice, hidden_in(looks), looks.asked, looked, questions, units, looks.unit),
        float(placed.mean()) if len(placed) else nan,
        region_means({name: looks.chosen(values) for name, values in looks.regions.items()}, looks.shares, looks.units),
    )


def questions_of(looks: MapLooks) -> dict[Name, dict[str, tuple[float, float]]]:
    """Measure -> uid -> value and level at the question's layer, of the questions that have both."""
    return {name: _pairs(looks, looks.value[name], looks.level[name]) for name in looks.value}


def hidden_in(looks: MapLooks) -> bool:
    """Return whether a patch has no attention at all in the chosen layers."""
    return bool(looks.hidden[[looks.layers.index(layer) for layer in looks.choice.layers]].any())


def _pairs(looks: MapLooks, value: Floats, level: Floats) -> dict[str, tuple[float, float]]:
    """Question -> value and level at its layer, where it has both."""
    columns = zip(looks.uids, looks.chosen(value).tolist(), looks.chosen(level).tolist(), strict=True)
    return {uid: (own, null) for uid, own, null in columns if isfinite(own) and isfinite(null)}


def _looked(
    known: Mapping[str, tuple[float, float]],
    units: Mapping[str, str],
    even: float,
    others: Mapping[str, tuple[float, float]],
) -> LookStrength:
    value = float(np.mean([own for own, _ in (known or others).values()]))
    level = float(np.mean([null for _, null in known.values()])) if known else nan
    excess, over = (_excess(pairs, units) if pairs else None for pairs in (known, others))
    return LookStrength(value, level, excess, len(known or others), even, over, len(others))


def _excess(known: Mapping[str, tuple[float, float]], units: Mapping[str, str]) -> Difference:
    blind, own = ({uid: pair[place] for uid, pair in known.items()} for place in (1, 0))
    return paired(blind, own, units)
