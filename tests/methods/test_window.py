"""ViCrop's window search, compared with an exhaustive search and hand values."""

from __future__ import annotations

import numpy as np
import pytest
from brute_window import candidates
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_vg.methods.window import search
from lmms_vg.vision.patch_grid import Geometry


def laid(kind: str, width: int, height: int, side: int) -> Geometry:
    if kind == "crop":
        return Geometry.center_crop(width, height, side, side, 14 * side)
    return {"pad": Geometry.pad, "stretch": Geometry.stretch}[kind](width, height, side, side)


SIDES = st.one_of(st.integers(1, 90), st.integers(90, 1200))


@settings(deadline=None, max_examples=400)
@given(
    kind=st.sampled_from(["pad", "crop", "stretch"]),
    width=SIDES,
    height=SIDES,
    side=st.integers(1, 9),
    base=st.integers(2, 500),
    seed=st.integers(0, 10**6),
    levels=st.sampled_from([2, 5, 1 << 20]),  # few levels: many windows are equal
)
def test_equals_trying_every_window(
    kind: str, width: int, height: int, side: int, base: int, seed: int, levels: int
) -> None:
    geometry = laid(kind, width, height, side)
    values = np.random.default_rng(seed).integers(0, levels, (side, side)).astype(np.float32)
    box, ratio = search(values, geometry, base)
    x0, y0, x1, y1 = box
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    tried = {one[0]: one for one in candidates(values, geometry, base)}
    if not tried:
        assert (box, ratio) == ((0, 0, width, height), 1.0)
        return
    assert tried[ratio][1] >= max(one[1] for one in tried.values()) - 1e-9 * levels
    np.testing.assert_allclose(box, tried[ratio][2:], atol=1)  # a centre on a pixel's edge may fall to either side
    assert (x1 - x0, y1 - y0) == (tried[ratio][4] - tried[ratio][2], tried[ratio][5] - tried[ratio][3])


def block(shape: tuple[int, int], rows: slice, cols: slice) -> np.ndarray:
    values = np.zeros(shape, np.float32)
    values[rows, cols] = 1
    return values


def test_a_block_is_cut_out_exactly() -> None:
    """A window of 2 x 2 patches holds 4, each neighbour 2: (4 - 2) / 4. Larger windows stand out less."""
    geometry = Geometry.stretch(1000, 1000, 10, 10)
    values = block((10, 10), slice(4, 6), slice(6, 8))
    assert search(values, geometry, 200) == ((600, 400, 800, 600), 1.0)


def test_the_size_follows_the_block() -> None:
    """7 x 7 patches of 56 pixels: at 1.0 (6 patches) (36 - 33) / 36, at 1.2 (7) (49 - 42) / 49, at 1.4 (8) less again.
    The crop is 2 * (403 // 2) = 402 pixels."""
    geometry = Geometry.stretch(1344, 1344, 24, 24)
    box, ratio = search(block((24, 24), slice(5, 12), slice(9, 16)), geometry, 336)
    assert (box, ratio) == ((700 - 201, 476 - 201, 700 + 201, 476 + 201), 1.2)


@pytest.mark.parametrize(("place", "box"), [(0, (0, 0, 150, 150)), (9, (850, 850, 1000, 1000))])
def test_a_crop_at_the_border_is_moved_into_the_image(place: int, box: tuple[int, ...]) -> None:
    """A window of one patch, 100 pixels, in a corner; the crop around it has 150."""
    values = block((10, 10), slice(place, place + 1), slice(place, place + 1))
    assert search(values, Geometry.stretch(1000, 1000, 10, 10), 150) == (box, 1.0)


def test_equal_windows_go_to_the_leftmost_then_the_topmost() -> None:
    geometry = Geometry.stretch(600, 600, 6, 6)
    values = np.zeros((6, 6), np.float32)
    values[0, 4] = values[4, 1] = values[2, 1] = 1  # column 1 is left of column 4; of its two, row 2 is above row 4
    assert search(values, geometry, 100).box == (100, 200, 200, 300)
    assert search(np.ones((6, 6), np.float32), geometry, 100) == ((0, 0, 100, 100), 1.0)


@pytest.mark.parametrize(
    ("width", "height"),
    [(336, 336), (336, 100), (20, 335), (1, 1)],
)
@pytest.mark.parametrize("kind", ["pad", "crop", "stretch"])
def test_an_image_no_larger_than_the_base_is_taken_whole(kind: str, width: int, height: int) -> None:
    values = np.random.default_rng(0).random((24, 24), np.float32)
    assert search(values, laid(kind, width, height, 24), 336) == ((0, 0, width, height), 1.0)


def test_padding_is_left_out() -> None:
    """In a padded 640 x 480 image, patches above row 3 are padding and do not count, whatever their attention."""
    geometry = Geometry.pad(640, 480, 24, 24)
    values = block((24, 24), slice(0, 3), slice(0, 24)) * 100
    values[10:12, 18:20] = 1
    # of the windows of 8 x 8 patches that hold the block the leftmost, topmost one begins at column 12, row 4
    assert search(values, geometry, 224) == ((426 - 112, 133 - 112, 426 + 112, 133 + 112), 1.0)


def test_what_a_centre_crop_sees_is_placed_where_it_lies() -> None:
    """The model sees the middle 400 of 1000 x 400 pixels: patches of 40 pixels from 300 on."""
    geometry = Geometry.center_crop(1000, 400, 10, 10, 100)
    box, ratio = search(block((10, 10), slice(2, 4), slice(7, 9)), geometry, 80)
    assert (box, ratio) == ((580, 80, 660, 160), 1.0)


@pytest.mark.parametrize("kind", ["pad", "crop", "stretch"])
@pytest.mark.parametrize(("width", "height"), [(4000, 60), (60, 4000), (9000, 9000), (337, 1)])
def test_extreme_images(kind: str, width: int, height: int) -> None:
    """The image is longer than 24 windows (each below one patch) or one patch high: the crop is as large as it can be."""
    values = np.random.default_rng(1).random((24, 24), np.float32)
    (x0, y0, x1, y1), ratio = search(values, laid(kind, width, height, 24), 336)
    half = int(336 * ratio + 1e-9) // 2
    whole = (x0, y0, x1, y1) == (0, 0, width, height)
    assert whole or (x1 - x0, y1 - y0) == (min(2 * half, width), min(2 * half, height))


def test_a_single_row_of_patches() -> None:
    values = np.array([[0, 0, 0, 1, 0, 0]], np.float32)
    assert search(values, Geometry.stretch(600, 100, 1, 6), 100) == ((300, 0, 400, 100), 1.0)
