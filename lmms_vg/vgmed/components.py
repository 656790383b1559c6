"""Masks become boxes: which connected components are kept, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lmms_vg.datasets.mask_boxes import covered, tight
from lmms_vg.vgmed.manifest import Filters
from lmms_vg.vgmed.schema import Box

GRID = 24  # patches per side of CLIP's 336 pixels, on which the paper measures
_TOUCHING = np.ones((3, 3), bool)  # diagonal neighbours belong together


@dataclass(frozen=True)
class MaskBoxes:
    """The remains of the masks of one label on one image.

    Attributes:
        boxes: the largest component first; none if all were dropped.
        mask: (height, width), the pixels of the kept components.
        dropped: reason -> number of components, or of items.
    """

    boxes: list[Box]
    mask: NDArray[np.bool_]
    dropped: Counter[str]


@dataclass(frozen=True)
class _Component:
    box: Box
    pixels: NDArray[np.bool_]  # inside the box

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.pixels))


def mask_boxes(masks: Sequence[NDArray[np.bool_]], filters: Filters) -> MaskBoxes:
    """Turn the masks of one label on one image into tight boxes.

    Args:
        masks: at least one, each (height, width); several are several instances.
        filters: what is dropped.
    """
    height, width = masks[0].shape
    parts = [part for mask in masks for part in components(mask, whole=filters.components == "whole")]
    large = [part for part in parts if part.area >= filters.min_area * height * width]
    dropped = Counter({"component below min_area": len(parts) - len(large)})
    kept = sorted(large, key=lambda part: (-part.area, part.box))
    if filters.components == "largest":
        dropped["component is not the largest"] = len(kept[1:])
        kept = kept[:1]
    mask = np.zeros((height, width), bool)
    for part in kept:
        x1, y1, x2, y2 = part.box
        mask[y1:y2, x1:x2] |= part.pixels
    boxes = list(dict.fromkeys(part.box for part in kept))
    reason = _why_not(boxes, mask, filters) if boxes else ("" if parts else "empty mask")
    if reason:
        boxes, dropped = [], dropped + Counter({reason: 1})
    return MaskBoxes(boxes, mask, +dropped)


def components(mask: NDArray[np.bool_], *, whole: bool = False) -> Iterator[_Component]:
    """Split a mask into its connected components; with `whole`, the mask is one."""
    around = tight(mask)
    if around is None:
        return
    left, top, right, bottom = around
    inside = mask[top:bottom, left:right]
    if whole:
        yield _Component(around, inside)
        return
    numbered, count = ndimage.label(inside, _TOUCHING)
    if count == 1:
        yield _Component(around, inside)
        return
    for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), start=1):
        box = (left + columns.start, top + rows.start, left + columns.stop, top + rows.stop)
        yield _Component(box, numbered[rows, columns] == number)


def touched_patches(boxes: Sequence[Box], height: int, width: int) -> int:
    """Return the number of patches that boxes touch, on a grid of `GRID` x `GRID` over the image."""
    on_grid = [
        (x1 * GRID // width, y1 * GRID // height, -(-x2 * GRID // width), -(-y2 * GRID // height))
        for x1, y1, x2, y2 in boxes
    ]
    return int(np.count_nonzero(covered(on_grid, GRID, GRID)))


def _area(boxes: Sequence[Box], height: int, width: int) -> int:
    """Pixels that lie in a box; where boxes overlap, they count once."""
    if len(boxes) == 1:
        ((x1, y1, x2, y2),) = boxes
        return (x2 - x1) * (y2 - y1)
    return int(np.count_nonzero(covered(boxes, height, width)))


def _why_not(boxes: Sequence[Box], mask: NDArray[np.bool_], filters: Filters) -> str:
    """Why an item is dropped; empty if it is kept."""
    height, width = mask.shape
    inside = _area(boxes, height, width)
    if inside > filters.max_share * height * width:
        return "boxes above max_share"
    if touched_patches(boxes, height, width) < filters.min_patches:
        return "boxes below min_patches"
    if np.count_nonzero(mask) < filters.min_fill * inside:
        return "mask below min_fill"
    return ""
