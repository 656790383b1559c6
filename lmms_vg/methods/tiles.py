"""Large images in tiles: each is looked at like an image of its own, and their maps are put together again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmms_vg.vision.patch_grid import Axis, Geometry

#: Longest side of a tile in pixels.
LONGEST = 1024

#: x0, y0, x1, y1 in pixels; x1, y1 exclusive.
Tile = tuple[int, int, int, int]


def split(width: int, height: int) -> list[Tile]:
    """The fewest equal tiles (to a pixel) with no side above `LONGEST`, row by row; one, the image, where none is needed."""
    columns, rows = _cuts(width), _cuts(height)
    return [(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]


def _cuts(pixels: int) -> list[tuple[int, int]]:
    parts = -(-pixels // LONGEST)
    return [(i * pixels // parts, (i + 1) * pixels // parts) for i in range(parts)]


def join(tiles: list[Tile], maps: list[NDArray[Any]], geometries: list[Geometry]) -> tuple[NDArray[Any], Geometry]:
    """One map of the whole image from its tiles' maps, and where its cells lie.

    There are as many cells as all tiles have patches. A cell is the mean over its area of the patches that lie there, and 0
    where no patch does (what a centre crop cuts off). Maps are not normalised tile by tile.

    Args:
        tiles: all of `split`.
        maps, geometries: (rows, cols) per tile, and how the tile's pixels lie on it.
    """
    down, across = len({tile[1] for tile in tiles}), len({tile[0] for tile in tiles})
    rows, cols = maps[0].shape
    whole = Geometry.stretch(tiles[-1][2], tiles[-1][3], down * rows, across * cols)
    joined = np.zeros((whole.rows, whole.cols))
    for (x0, y0, _, _), values, geometry in zip(tiles, maps, geometries, strict=True):
        joined += _shares(whole.y, geometry.y, y0) @ values @ _shares(whole.x, geometry.x, x0).T
    return joined, whole


def _shares(whole: Axis, part: Axis, offset: int) -> NDArray[np.float64]:
    """(cells, patches): the share of each cell of `whole` that each patch of the tile at pixel `offset` covers."""
    pixels = [min(max(part.to_pixel(patch), 0), part.pixels) for patch in range(part.patches + 1)]
    edges = np.array([whole.to_patch(offset + pixel) for pixel in pixels])
    cell = np.arange(whole.patches)[:, None]
    shares: NDArray[np.float64] = np.clip(np.minimum(edges[1:], cell + 1) - np.maximum(edges[:-1], cell), 0, None)
    return shares
