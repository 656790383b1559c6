"""ViCrop's window search: the square of an image that stands out most in its map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.vision.patch_grid import Axis, Geometry

#: Side of the window in tenths of the model's input size: 1.0, 1.2, ... 2.0; integers, so that cells are counted exactly.
TENTHS = (10, 12, 14, 16, 18, 20)


class Window(NamedTuple):
    """A crop: its box x0, y0, x1, y1 in pixels (x1, y1 exclusive), and the ratio of its side to the model's input size."""

    box: tuple[int, int, int, int]
    ratio: float


def search(values: NDArray[Any], geometry: Geometry, base: int) -> Window:
    """Find the window to crop.

    Each size is represented by its window with the largest sum. Among these, the window with the largest contrast to the
    windows one patch away wins: (sum - mean of the four neighbours' sums) / number of its patches. Neighbours outside the map
    do not count. Equal sums go to the leftmost window, then to the topmost; equal contrasts go to the smaller ratio.

    The result is the whole image if a window of the smallest size covers the whole visible map (always for an image no larger
    than `base`). Otherwise it is a square around the centre of the window, moved into the image; along a side shorter than
    the square it is the whole side.

    Args:
        values: (rows, cols) map on the patches of `geometry`; patches in the padding are ignored.
        geometry: position of the image's pixels on the patches.
        base: side of the smallest window in image pixels: the model's input size.
    """
    rows = range(geometry.rows)[geometry.y.touched(0, geometry.height)]
    cols = range(geometry.cols)[geometry.x.touched(0, geometry.width)]
    seen = values[rows.start : rows.stop, cols.start : cols.stop]
    # Maps are float32: in float64 equal windows have equal sums.
    table = np.pad(seen.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    window, best = Window((0, 0, geometry.width, geometry.height), 1.0), -np.inf
    for tenths in TENTHS:
        tall = _patches(geometry.y, base, tenths, len(rows))
        wide = _patches(geometry.x, base, tenths, len(cols))
        if (tall, wide) == seen.shape:
            break
        sums = table[tall:, wide:] - table[:-tall, wide:] - table[tall:, :-wide] + table[:-tall, :-wide]
        left, top = divmod(int(sums.T.argmax()), sums.shape[0])
        around = [
            sums[y, x]
            for y, x in ((top - 1, left), (top + 1, left), (top, left - 1), (top, left + 1))
            if 0 <= y < sums.shape[0] and 0 <= x < sums.shape[1]
        ]
        contrast = (sums[top, left] - np.mean(around)) / (tall * wide)
        if contrast > best:
            half = base * tenths // 20
            x0, x1 = _around(geometry.x, cols.start + left + wide / 2, half)
            y0, y1 = _around(geometry.y, rows.start + top + tall / 2, half)
            window, best = Window((x0, y0, x1, y1), tenths / 10), contrast
    return window


def _patches(axis: Axis, base: int, tenths: int, available: int) -> int:
    """Return the number of whole patches along a window's side: at least one, at most all."""
    return max(1, min(base * tenths * axis.scale // (10 * axis.unit), available))


def _around(axis: Axis, centre: float, half: int) -> tuple[int, int]:
    """First and last (exclusive) pixel `half` to either side of `centre`, which is in patches; moved into the image."""
    start = max(0, min(int(axis.to_pixel(centre)) - half, axis.pixels - 2 * half))
    return start, min(start + 2 * half, axis.pixels)
