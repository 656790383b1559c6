"""Values of the maps of one grid on their boxes, per question: beside maps of other images, and beside other places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics import donors, nulls
from lmms_vg.metrics.placement import place
from lmms_vg.runs.kept_maps import KeptMaps


class MeasuredMaps(NamedTuple):
    """Values of questions at layers; those of three measures, (3, questions, layers), are log AR, KL and JS.

    Attributes:
        level: mean over maps of other images on the same box; NaN without them.
        excess: value minus level.
        steered: value minus the level of other questions about the same image.
        placement: (questions, layers), NaN where the box has too few places.
        hidden: (questions, layers) bool, whether a patch of the visible image has no attention at all.
    """

    level: NDArray[np.float64]
    excess: NDArray[np.float64]
    steered: NDArray[np.float64]
    placement: NDArray[np.float64]
    hidden: NDArray[np.bool_]


def measure(kept: KeptMaps, owners: Sequence[donors.MapOwner], seed: int) -> MeasuredMaps:
    """Measure maps of one grid.

    Args:
        kept: the maps.
        owners: whose each map is; they decide which maps are exchanged.
        seed: of the draw of other images.
    """
    known = nulls.backgrounds(kept.maps)
    swapped = nulls.null(kept.maps, kept.masks, donors.of_other_images(owners, seed=seed), known)
    others = nulls.null(kept.maps, kept.masks, donors.of_same_image(owners, kept.masks), known)
    return MeasuredMaps(
        np.stack(swapped.level), np.stack(swapped.excess), np.stack(others.excess), _placements(kept), _hidden(kept)
    )


def _placements(kept: KeptMaps) -> NDArray[np.float64]:
    shares = [
        place(maps.reshape(-1, *kept.grid), mask.reshape(kept.grid), visible.reshape(kept.grid)).share
        for maps, mask, visible in zip(kept.maps, kept.masks, kept.visible, strict=True)
    ]
    return np.array(shares, dtype=np.float64)


def _hidden(kept: KeptMaps) -> NDArray[np.bool_]:
    rows = [((maps == 0) & visible).any(axis=-1) for maps, visible in zip(kept.maps, kept.visible, strict=True)]
    return np.array(rows, dtype=bool)
