"""The values of questions at every layer: as a run measured them, and against what a blind look has on the same boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics import donors
from lmms_vg.metrics.alignment import best_layer
from lmms_vg.metrics.uniform import uniform
from lmms_vg.runs.kept_maps import KeptMaps
from lmms_vg.runs.tidy_rows import SEED
from lmms_vg.study import stored_nulls
from lmms_vg.study.questions import StudyQuestion

Measure = Literal["AR", "KL", "JS", "placement"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

#: Measure -> 1 where more is better, -1 where less is.
BETTER: dict[Measure, int] = {"AR": 1, "KL": -1, "JS": -1, "placement": 1}

#: Measures whose excess is undefined where patches are hidden, as in `runs.grounding`: KL explodes, and the level of AR falls.
SPOILED: tuple[Measure, ...] = ("AR", "KL")

#: (questions, layers), NaN where a value is missing.
LayerTable = NDArray[np.float64]

_DIVERGING: tuple[Measure, ...] = ("AR", "KL", "JS")  # as in `measured_maps.MeasuredMaps` and in records, in this order
_PLACEMENT_CHANCE = 0.5


class FromMaps(NamedTuple):
    """Values that need kept maps beyond the record, as in `collect.StudiedTask`."""

    placement: LayerTable
    level: dict[Measure, LayerTable]
    excess: dict[Measure, LayerTable]
    steered: dict[Measure, LayerTable]
    even: dict[Measure, NDArray[np.float64]]
    hidden: NDArray[np.bool_]


def of_records(alignments: Sequence[Mapping[str, Any]]) -> dict[Measure, LayerTable]:
    """Return the values that records state, one list per layer; a question without values is NaN.

    Raises:
        ValueError: two questions have different numbers of layers.
    """
    depths = {len(stated["kl"]) for stated in alignments if stated}
    if len(depths) > 1:
        raise ValueError(f"questions with {sorted(depths)} layers in one task of one run: allowed is one number")
    empty = [float("nan")] * max(depths, default=0)
    return {
        name: np.array([stated.get(name.lower(), empty) for stated in alignments], dtype=np.float64)
        for name in _DIVERGING
    }


def silent(measure: Measure, quantity: str) -> bool:
    """Return whether a quantity is undefined where patches are hidden: KL always is, AR if it is compared with other maps."""
    return measure == "KL" or (measure in SPOILED and quantity != "value")


def lowest(kl: LayerTable) -> int:
    """Return the layer of lowest mean KL, the first of equal ones; questions without a value are left out.

    Raises:
        ValueError: no question has a value.
    """
    known = kl[np.isfinite(kl).all(axis=1)]
    return best_layer(known)


def of_maps(
    questions: Sequence[StudyQuestion], images: Sequence[tuple[str, str]], groups: Sequence[KeptMaps], layers: int
) -> FromMaps:
    """Measure kept maps of all questions against those of other images and of other questions, grid by grid.

    Args:
        questions: the questions.
        images: hash of each question's image, and its patient or the hash again. They decide which maps are drawn, so the
            excess is that of `lmms-vg report`.
        groups: the maps.
        layers: number of layers.
    """
    shape = len(questions), layers
    tables: list[dict[Measure, LayerTable]] = [
        {name: np.full(shape, np.nan) for name in names} for names in (MEASURES, MEASURES, _DIVERGING)
    ]
    even: dict[Measure, NDArray[np.float64]] = {name: np.full(len(questions), np.nan) for name in MEASURES}
    placed, hidden = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    level, excess, steered = tables
    for kept in groups:
        at = kept.places
        owners = [
            donors.MapOwner(questions[i].uid, images[i][0], images[i][1], kind)
            for i, kind in zip(at, kept.kinds, strict=True)
        ]
        result = stored_nulls.measured(kept, owners, SEED)
        for number, name in enumerate(_DIVERGING):
            level[name][at], excess[name][at] = result.level[number], result.excess[number]
            steered[name][at] = result.steered[number]
        placed[at], hidden[at] = result.placement, result.hidden
        flat = uniform(kept.masks.sum(axis=1), kept.visible.sum(axis=1), kept.masks.shape[1])
        for name, values in zip(_DIVERGING, (flat.ar, flat.kl, flat.js), strict=True):
            even[name][at] = values
        even["placement"][at] = _PLACEMENT_CHANCE
    level["AR"] = np.exp(level["AR"])
    level["placement"] = np.where(np.isnan(placed), np.nan, _PLACEMENT_CHANCE)
    excess["placement"] = placed - _PLACEMENT_CHANCE
    return FromMaps(placed, level, excess, steered, even, hidden)
