"""Large images in tiles: each tile is processed as a separate image, and the tiles' maps are joined."""

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
    """Split an image into the fewest tiles with no side above `LONGEST`, row by row, of equal size up to a pixel."""
    columns, rows = _cuts(width), _cuts(height)
    return [(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]


def _cuts(pixels: int) -> list[tuple[int, int]]:
    parts = -(-pixels // LONGEST)
    return [(i * pixels // parts, (i + 1) * pixels // parts) for i in range(parts)]


def join(tiles: list[Tile], maps: list[NDArray[Any]], geometries: list[Geometry]) -> tuple[NDArray[Any], Geometry]:
    """Join the maps of all tiles into one map of the whole image.

    The map has as many cells as all tiles have patches. A cell is the mean of the patches over its area; area without a patch
    (which a centre crop removes) counts as 0. Maps are not normalised tile by tile.

    Args:
        tiles: all tiles from `split`.
        maps: (rows, cols) map of each tile.
        geometries: position of each tile's pixels on its map.

    Returns:
        The map, and the position of the image's pixels on it.
    """
    down, across = len({tile[1] for tile in tiles}), len({tile[0] for tile in tiles})
    rows, cols = maps[0].shape
    whole = Geometry.stretch(tiles[-1][2], tiles[-1][3], down * rows, across * cols)
    joined = np.zeros((whole.rows, whole.cols))
    for (x0, y0, _, _), values, geometry in zip(tiles, maps, geometries, strict=True):
        joined += _shares(whole.y, geometry.y, y0) @ values @ _shares(whole.x, geometry.x, x0).T
    return joined, whole


def _shares(whole: Axis, part: Axis, offset: int) -> NDArray[np.float64]:
    """(cells, patches): the share of each cell in `whole` that each patch of the tile at pixel `offset` covers."""
    pixels = [min(max(part.to_pixel(patch), 0), part.pixels) for patch in range(part.patches + 1)]
    edges = np.array([whole.to_patch(offset + pixel) for pixel in pixels])
    cell = np.arange(whole.patches)[:, None]
    shares: NDArray[np.float64] = np.clip(np.minimum(edges[1:], cell + 1) - np.maximum(edges[:-1], cell), 0, None)
    return shares
