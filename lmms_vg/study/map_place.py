"""Where a grid of patches lies on an image, told by a journal: by the patches in the boxes, and by those that show image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadBox
from lmms_vg.vision.patch_grid import Box, Geometry

_PATCH = 14  # pixels of a patch of the common vision towers; a crop's offset hardly depends on it


def map_place(
    size: tuple[int, int], boxes: Sequence[Sequence[float]], mask: NDArray[np.bool_], visible: NDArray[np.bool_]
) -> Box | None:
    """Return the grid as an xyxy box in pixels of the image, of which it may be larger or smaller.

    The image may have been padded to a square, stretched, or cropped in the middle: the first of these that puts the boxes
    and the image on the patches that the journal names is taken.

    Args:
        size: width and height of the image in pixels.
        boxes: xyxy in pixels; with none, the visible patches alone decide.
        mask: the patches that the boxes touch, (rows, cols).
        visible: the patches that show image, (rows, cols).

    Returns:
        None if none of them does.
    """
    rows, cols = mask.shape
    for geometry in _candidates(size, rows, cols):
        if _agrees(geometry, boxes, mask, visible):
            return (*geometry.patch_box(0, 0)[:2], *geometry.patch_box(rows - 1, cols - 1)[2:])
    return None


def _candidates(size: tuple[int, int], rows: int, cols: int) -> Iterator[Geometry]:
    if rows == cols:
        yield Geometry.pad(*size, rows, cols)
    yield Geometry.stretch(*size, rows, cols)
    if rows == cols:
        yield Geometry.center_crop(*size, rows, cols, _PATCH * rows)


def _agrees(geometry: Geometry, boxes: Sequence[Any], mask: NDArray[np.bool_], visible: NDArray[np.bool_]) -> bool:
    if not np.array_equal(geometry.visible, visible):
        return False
    try:
        return not boxes or np.array_equal(geometry.patch_mask(boxes), mask)
    except BadBox:
        return False
