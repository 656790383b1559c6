"""Placements by hand on 3 x 3 grids, and against a loop over places."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from lmms_vg.metrics import placement
from lmms_vg.metrics.placement import place
from lmms_vg.vision.patch_grid import Geometry

GRID = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=float)


def at(*patches, shape=(3, 3)):
    mask = np.zeros(shape, dtype=bool)
    for patch in patches:
        mask[patch] = True
    return mask


def test_one_patch_by_hand():
    """Eight of the nine patches hold less than the last, which ties with itself: 8.5 / 9. The mean is 5."""
    result = place(GRID, at((2, 2)))
    assert (float(result.share), float(result.ar_window), result.places) == pytest.approx((8.5 / 9, 9 / 5, 9))


def test_two_patches_by_hand():
    """A pair side by side has six places with sums 3, 5, 9, 11, 15, 17; 11 is above three of them."""
    result = place(GRID, at((1, 1), (1, 2)))
    assert (float(result.share), float(result.ar_window), result.places) == pytest.approx((3.5 / 6, 11 / 10, 6))


def test_several_boxes_move_as_one_shape():
    """Two patches with a gap between them: places only in the columns, and the three sums 4, 10, 16 are too few."""
    result = place(GRID, at((0, 0), (0, 2)))
    assert result.places == 3
    assert np.isnan(result.share)
    assert np.isnan(result.ar_window)


def test_fewest_is_five():
    grid = np.arange(5.0)[None]
    assert float(place(grid, at((0, 4), shape=(1, 5))).share) == pytest.approx(4.5 / 5)
    assert np.isnan(place(grid[:, :4], at((0, 3), shape=(1, 4))).share)


def test_uniform_attention_is_at_chance_for_every_box():
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = np.zeros((24, 24))
        (y, x), (h, w) = rng.integers(0, 12, 2), rng.integers(1, 12, 2)
        mask[y : y + h, x : x + w] = 1
        result = place(np.full((2, 24, 24), 0.1), mask)
        assert result.share.tolist() == [0.5, 0.5]
        assert result.ar_window == pytest.approx([1, 1])


def test_padding_lifts_nothing():
    geometry = Geometry.pad(640, 480, rows=24, cols=24)
    visible = geometry.patch_mask([(0, 0, 640, 480)])
    result = place(visible.astype(float), geometry.patch_mask([(0, 0, 100, 100)]), visible)
    assert (float(result.share), float(result.ar_window)) == pytest.approx((0.5, 1))
    assert result.places == (18 - 4 + 1) * (24 - 4 + 1)


def test_a_box_cut_off_by_a_crop_moves_as_what_is_left_of_it():
    geometry = Geometry.center_crop(200, 100, rows=3, cols=3, size=3)
    mask = geometry.patch_mask([(0, 0, 60, 30)])
    assert mask.tolist() == at((0, 0)).tolist()
    assert float(place(GRID, mask).share) == pytest.approx(0.5 / 9)


def test_against_a_loop_over_places():
    rng = np.random.default_rng(1)
    for _ in range(10):
        maps, visible = rng.random((3, 7, 8)).round(1), np.ones((7, 8), dtype=bool)
        visible[:1] = False
        mask = np.zeros((7, 8))
        mask[2:4, 1:3], mask[5, 4] = 1, 0.5
        shape, held = mask[2:6, 1:5], []
        for y in range(1, 4):
            for x in range(5):
                held.append((maps[:, y : y + 4, x : x + 4] * shape).sum(axis=(1, 2)))
        own = (maps * mask).sum(axis=(1, 2))
        less = np.mean([np.where(np.isclose(h, own), 0.5, h < own) for h in held], axis=0)
        result = place(maps, mask, visible)
        assert result.share == pytest.approx(less)
        assert result.ar_window == pytest.approx(own / np.mean(held, axis=0))
        assert result.places == 15


def test_attention_that_is_zero_everywhere_is_at_chance():
    result = place(np.zeros((3, 3)), at((1, 1)))
    assert (float(result.share), float(result.ar_window)) == (0.5, 0)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="q7: a mask of shape"):
        place(GRID, np.ones(9), name="q7")
    with pytest.raises(ValueError, match="q7: the mask covers a patch that shows no image"):
        place(GRID, at((0, 0)), at((1, 1)), "q7")
    with pytest.raises(ValueError, match="q7: the mask is empty"):
        place(GRID, np.zeros((3, 3)), name="q7")


def test_docstring_examples():
    assert doctest.testmod(placement).failed == 0
