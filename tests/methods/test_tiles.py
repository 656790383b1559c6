"""Large images in tiles: how they are split, and how their maps are joined."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.methods.tiles import LONGEST, join, split
from lmms_vg.vision.patch_grid import Geometry


@pytest.mark.parametrize(
    ("width", "height", "across", "down"),
    [
        (1024, 1024, 1, 1),
        (480, 640, 1, 1),
        (1025, 480, 2, 1),
        (480, 2049, 1, 3),
        (4000, 3000, 4, 3),
        (4000, 60, 4, 1),
        (1, 1, 1, 1),
    ],
)
def test_tiles_cover_the_image_once(width: int, height: int, across: int, down: int) -> None:
    tiles = split(width, height)
    assert len(tiles) == across * down
    painted = np.zeros((height, width), int)
    for x0, y0, x1, y1 in tiles:
        assert 0 < x1 - x0 <= LONGEST
        assert 0 < y1 - y0 <= LONGEST
        painted[y0:y1, x0:x1] += 1
    assert (painted == 1).all()
    assert tiles == sorted(tiles, key=lambda tile: (tile[1], tile[0])), "row by row"
    for side in (0, 1):
        sizes = [tile[side + 2] - tile[side] for tile in tiles]
        assert max(sizes) - min(sizes) <= 1


def test_maps_that_fill_equal_tiles_are_put_side_by_side() -> None:
    tiles = split(2000, 3000)
    maps = [np.random.default_rng(i).random((4, 4)) for i in range(6)]
    joined, geometry = join(tiles, maps, [Geometry.stretch(1000, 1000, 4, 4)] * 6)
    np.testing.assert_allclose(joined, np.block([maps[0:2], maps[2:4], maps[4:6]]), atol=1e-12)
    assert (geometry.width, geometry.height, geometry.rows, geometry.cols) == (2000, 3000, 12, 8)


@pytest.mark.parametrize("kind", ["pad", "crop"])
@pytest.mark.parametrize(("width", "height"), [(2000, 600), (1200, 1000)])
def test_cells_are_the_mean_of_the_pixels_painted_with_the_maps(kind: str, width: int, height: int) -> None:
    """Two tiles, wide or tall: padding adds nothing, not even to the other tile; cropped areas are 0. All patches and
    cells are whole pixels, so painting pixel by pixel is exact."""
    tiles, half = split(width, height), width // 2
    assert tiles == [(0, 0, half, height), (half, 0, width, height)]
    lay = Geometry.pad(half, height, 10, 10) if kind == "pad" else Geometry.center_crop(half, height, 10, 10, 60)
    maps = [np.random.default_rng(i).random((10, 10)) for i in range(2)]
    painted = np.hstack([np.nan_to_num(lay.to_pixels(values)) for values in maps])
    expected = painted.reshape(10, height // 10, 20, width // 20).mean((1, 3))
    joined, geometry = join(tiles, maps, [lay, lay])
    np.testing.assert_allclose(joined, expected, atol=1e-12)
    assert geometry == Geometry.stretch(width, height, 10, 20)
