"""Does the box hold more attention than the same shape elsewhere in the image? Read on one single question.

A shape keeps its form and moves over the grid in whole patches; the union of several boxes moves as one shape. Only places
that lie wholly in the visible image count, so padding lifts nothing. Objects that stand in the middle of most images, under
attention that prefers the middle, score above 0.5 without being looked at: only the swap null of `nulls` corrects that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.alignment import Array, flatten

FEWEST = 5
"""Number of places below which a rank is uninformative."""

_TIE = 1e-9  # of a map's sum: places are summed in another order, which differs in the last bits


class BoxPlacement(NamedTuple):
    """Values of maps; shares and ratios are NaN where the shape has fewer than five places.

    Attributes:
        share: share of all places, the shape's own among them, that hold less attention than its own; places that hold the
            same count half. 0.5 is chance; with n places it goes from 1/(2n) to 1 - 1/(2n).
        ar_window: attention at the shape's own place over the mean of all places: the attention ratio as Zhang et al.
            ("MLLMs Know Where to Look", ICLR 2025) compute it, who slide a window of the box's size. 1 is chance; 0 for
            attention that is zero everywhere in the image.
        places: number of places.
    """

    share: Array
    ar_window: Array
    places: int


def place(attention: Any, mask: Any, visible: Any | None = None, name: str = "sample") -> BoxPlacement:
    """Compare the attention inside the mask with that inside the same shape at all other places.

    Args:
        attention: maps, (..., rows, cols).
        mask: the shape at its own place, (rows, cols); a share of each patch weighs its attention. Of a box that a crop cuts
            off, the part that is left is the shape.
        visible: whether a patch shows image, (rows, cols); None if all do.
        name: name of the sample, for errors.

    Raises:
        ValueError: as in `alignment`, a mask that is not a grid, or one that covers a patch that is not visible.
    """
    grid = np.asarray(mask, dtype=np.float64)
    seen = np.ones(grid.shape, dtype=bool) if visible is None else np.asarray(visible, dtype=bool)
    if grid.ndim != 2 or seen.shape != grid.shape:
        raise ValueError(
            f"{name}: a mask of shape {grid.shape} and visible patches of shape {seen.shape}: allowed is (rows, cols) for both"
        )
    maps, weights = flatten(attention, grid, name)
    if (grid[~seen] > 0).any():
        raise ValueError(f"{name}: the mask covers a patch that shows no image; the visible patches must include it")
    held, own = _held(maps, grid, seen), maps @ weights
    places = held.shape[-1]
    if places < FEWEST:
        unknown = np.full(own.shape, np.nan)
        return BoxPlacement(unknown, unknown.copy(), places)
    gain = own[..., None] - held
    tie = np.abs(gain) <= _TIE * maps.sum(axis=-1)[..., None]
    share = ((gain > 0) & ~tie).mean(axis=-1) + tie.mean(axis=-1) / 2
    mean = held.mean(axis=-1)
    return BoxPlacement(share, np.divide(own, mean, out=np.zeros_like(own), where=mean > 0), places)


def _held(maps: Array, grid: Array, seen: NDArray[np.bool_]) -> Array:
    """Return the attention in each place of the shape, (..., places), for places that lie wholly in the visible image."""
    height, width = (int(np.ptp(places)) + 1 for places in np.nonzero(grid))
    inside = grid[grid > 0]
    if len(inside) == height * width and np.ptp(inside) == 0:  # one box, the usual case, takes a sixth of the time
        hidden = _windows((~seen).astype(np.float64), height, width) > 0
        held: Array = inside[0] * _windows(maps.reshape(*maps.shape[:-1], *grid.shape), height, width)[..., ~hidden]
        return held
    shapes = shifted(grid)
    shapes = shapes[(shapes[:, ~seen.ravel()] == 0).all(axis=1)]
    product: Array = maps @ shapes.T
    return product


def _windows(maps: Array, height: int, width: int) -> Array:
    """Sums over all windows of a size, (..., rows - height + 1, cols - width + 1)."""
    table = np.zeros((*maps.shape[:-2], maps.shape[-2] + 1, maps.shape[-1] + 1))
    table[..., 1:, 1:] = maps.cumsum(axis=-1).cumsum(axis=-2)
    sums: Array = (
        table[..., height:, width:]
        - table[..., :-height, width:]
        - table[..., height:, :-width]
        + table[..., :-height, :-width]
    )
    return sums


def shifted(grid: NDArray[Any]) -> NDArray[Any]:
    """Return the shape at every place of the grid where it fits whole, (places, rows * cols), its own place among them.

    >>> shifted(np.array([[0, 1], [0, 1]])).tolist()
    [[0, 1, 0, 1], [1, 0, 1, 0]]
    """
    rows, cols = grid.shape
    (y, x), (bottom, right) = (edge(np.nonzero(grid), axis=1) for edge in (np.min, np.max))
    shape = grid[y : bottom + 1, x : right + 1]
    height, width = shape.shape
    # A view of the grid's size that slides over a frame with the shape in its middle sees the shape at every place.
    frame = np.zeros((2 * rows - height, 2 * cols - width), dtype=grid.dtype)
    frame[rows - height : rows, cols - width : cols] = shape
    return np.lib.stride_tricks.sliding_window_view(frame, (rows, cols)).reshape(-1, rows * cols)
