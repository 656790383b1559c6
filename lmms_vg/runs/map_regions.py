"""Localization by the kept maps of questions: IoU and F1 of named boxes, pointing, rankings.

For reading beside what attention has that is even over the visible image; what is judged is the excess in `grounding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics import regions
from lmms_vg.metrics.statistics import Interval, cluster_interval
from lmms_vg.runs.kept_maps import KeptMaps

RegionName = Literal["named boxes, IoU", "named boxes, F1", "pointing", "mass in box", "AUROC", "AUPRC"]

Floats = NDArray[np.float64]


class RegionMean(NamedTuple):
    """One measure of one task.

    Attributes:
        n: number of questions that have it.
        value: its mean.
        interval: 95%, from whole images, or patients.
        even: mean of what attention that is even over the image has on the same places.
    """

    n: int
    value: float
    interval: Interval
    even: float


def regions_of(kept: KeptMaps) -> dict[RegionName, Floats]:
    """Measure every map that was read, (questions, layers); NaN where a place fills the image and has no AUROC."""
    results = [
        _measured(maps.astype(np.float64).reshape(-1, *kept.grid), mask.reshape(kept.grid), visible.reshape(kept.grid))
        for maps, mask, visible in zip(kept.maps, kept.masks, kept.visible, strict=True)
    ]
    return {name: np.stack([result[name] for result in results]) for name in results[0]} if results else {}


def region_means(
    chosen: Mapping[RegionName, Floats], shares: Floats, units: Sequence[str]
) -> dict[RegionName, RegionMean]:
    """Average values (questions,) at each question's layer.

    Args:
        chosen: measure -> values.
        shares: share of the visible patches that each place marks.
        units: image, or patient, of each question: what intervals draw as a whole.
    """
    level = _even(shares)
    means = {}
    for name, values in chosen.items():
        known = np.flatnonzero(np.isfinite(values)).tolist()
        if known:
            interval = cluster_interval(values[known].tolist(), [units[i] for i in known])
            means[name] = RegionMean(
                len(known), float(values[known].mean()), interval, float(level[name][known].mean())
            )
    return means


def _measured(maps: Floats, mask: NDArray[np.bool_], visible: NDArray[np.bool_]) -> dict[RegionName, Floats]:
    overlaps = np.array([regions.overlap(layer, mask)[:2] for layer in maps])
    seen, inside = maps[:, visible], mask[visible]  # padding is no place that a map could name
    return {
        "named boxes, IoU": overlaps[:, 0],
        "named boxes, F1": overlaps[:, 1],
        "pointing": regions.pointing(seen, inside),
        "mass in box": regions.mass(seen, inside),
        "AUROC": regions.auroc(seen, inside),
        "AUPRC": regions.auprc(seen, inside),
    }


def _even(shares: Floats) -> dict[RegionName, Floats]:
    """Return the values of attention that is even over the visible image: it names the whole image."""
    half = np.full(shares.shape, 0.5)
    f1 = 2 * shares / (1 + shares)
    return {
        "named boxes, IoU": shares,
        "named boxes, F1": f1,
        "pointing": shares,
        "mass in box": shares,
        "AUROC": half,
        "AUPRC": shares,
    }
