"""Localization by a map: boxes around its peaks, its highest patch and its ranking, each against the right region.

Boxes around peaks follow MedFocus (Xiong et al., arXiv 2605.20158, Section 3.3 and released code), on patches where they have
pixels: patches at or above the 0.9 quantile of those above the lowest value, in components that touch by side or corner, and
the box around each of the ten with the highest mean. Their least size of 16 pixels is less than a patch and falls away.

Shapes: maps are (..., rows, cols), or (..., N) where the place of a patch does not matter; masks are of one map's shape. To
leave padding out of a ranking, index map and mask with the visible patches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.alignment import Array, flatten
from lmms_vg.metrics.statistics.distributions import average_ranks

QUANTILE = 0.9
MOST_BOXES = 10


class RegionOverlap(NamedTuple):
    """Overlap of a mask with the union of the boxes that a map names; all are shares from 0 to 1.

    Attributes:
        iou: shared area over the area of both.
        f1: harmonic mean of precision and recall.
        precision: share of the named area that is in the mask.
        recall: share of the mask that is named.
    """

    iou: float
    f1: float
    precision: float
    recall: float


def named_boxes(attention: Any) -> list[tuple[slice, slice]]:
    """Return the boxes around the peaks of one map (rows, cols), highest mean first; the whole map if it is even.

    Raises:
        ValueError: the map is no grid, or has NaN or infinite values.
    """
    from scipy import ndimage  # late: reading a run needs this module, and seldom a region

    values = np.asarray(attention, dtype=np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"a map of shape {values.shape}: allowed is one grid (rows, cols) of finite values")
    above = values[values > values.min()]
    peaks = values >= (np.quantile(above, QUANTILE) if above.size else values.min())
    labels, number = ndimage.label(peaks, structure=np.ones((3, 3)))
    means = ndimage.mean(values, labels, np.arange(1, number + 1))
    boxes = ndimage.find_objects(labels)
    return [boxes[i] for i in np.argsort(-np.asarray(means), kind="stable")[:MOST_BOXES]]


def overlap(attention: Any, mask: Any, name: str = "sample") -> RegionOverlap:
    """Compare the union of the boxes that one map names with a mask, both (rows, cols).

    A mask of shares counts each patch by its share; several boxes are one mask. An even map names everything, and so has the
    mask's share of the grid as IoU: the level to read it by.

    Raises:
        ValueError: as in `alignment` and `named_boxes`, or a mask has a share above 1.
    """
    _, weights = flatten(attention, mask, name)
    if weights.max() > 1:
        raise ValueError(f"{name}: the mask has a share of {weights.max()}: allowed is 0 to 1")
    named = np.zeros(np.shape(attention), dtype=bool)
    for box in named_boxes(attention):
        named[box] = True
    shared, area, target = float(weights[named.ravel()].sum()), int(named.sum()), float(weights.sum())
    precision, recall = shared / area, shared / target
    return RegionOverlap(shared / (area + target - shared), 2 * shared / (area + target), precision, recall)


def pointing(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Return whether the highest patch lies in the mask, 0 or 1 (the pointing game, Zhang et al., ECCV 2016).

    Of several equally high patches it is the share that lies in the mask, so that even attention gets the mask's share of the
    grid, which is chance. A mask of shares is taken as `marked`.
    """
    maps, weights = flatten(attention, mask, name)
    highest = maps == maps.max(axis=-1, keepdims=True)
    share: Array = (highest & marked(weights)).sum(axis=-1) / highest.sum(axis=-1)
    return share


def mass(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Share of the attention that lies in the mask, 0 to 1; chance is the mask's share of the grid. 0 for a zero map."""
    maps, weights = flatten(attention, mask, name)
    total = maps.sum(axis=-1)
    share: Array = np.divide(maps @ weights, total, out=np.zeros_like(total), where=total > 0)
    return share


def auroc(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Probability that a patch of the mask has more attention than one outside, ties half; 0.5 is chance.

    NaN where all patches are in the mask. A mask of shares is taken as `marked`.
    """
    maps, weights = flatten(attention, mask, name)
    inside = marked(weights)
    m, rest = int(inside.sum()), int((~inside).sum())
    ranks = average_ranks(maps)
    if not rest:
        return np.full(maps.shape[:-1], np.nan)
    area: Array = (ranks[..., inside].sum(axis=-1) - m * (m + 1) / 2) / (m * rest)
    return area


def auprc(attention: Any, mask: Any, name: str = "sample") -> Array:
    """Average precision of patches taken from the highest attention down, equal ones together; chance is the mask's share.

    A mask of shares is taken as `marked`.
    """
    maps, weights = flatten(attention, mask, name)
    inside = marked(weights)
    return np.apply_along_axis(_average_precision, -1, maps, inside)


def marked(shares: Any) -> NDArray[np.bool_]:
    """Return the patches that a mask marks: those it covers by half or more, or if there are none, those it covers most.

    >>> marked([0.0, 0.5, 0.4]).tolist(), marked([0.0, 0.1, 0.2]).tolist()
    ([False, True, False], [False, False, True])
    """
    values = np.asarray(shares, dtype=np.float64)
    return values >= min(0.5, float(values.max()))


def _average_precision(values: Array, inside: NDArray[np.bool_]) -> float:
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # of each run of equal values
    hits = np.cumsum(inside[order])[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / inside.sum())
