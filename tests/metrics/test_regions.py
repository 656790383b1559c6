"""Regions that a map names, by hand and against loops over patches and pairs."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from lmms_vg.metrics import regions
from lmms_vg.metrics.regions import auprc, auroc, marked, mass, named_boxes, overlap, pointing
from lmms_vg.vision.patch_grid import Geometry

GRID = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=float)
LAST = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]])
EVEN = np.ones((3, 3))


def test_one_patch_by_hand():
    """The 0.9 quantile of 2 to 9 is 8.3, so the box is the last patch alone; it holds 9 of 45."""
    assert named_boxes(GRID) == [(slice(2, 3), slice(2, 3))]
    assert overlap(GRID, LAST) == (1, 1, 1, 1)
    assert (float(pointing(GRID, LAST)), float(mass(GRID, LAST))) == (1, 0.2)
    assert (float(auroc(GRID, LAST)), float(auprc(GRID, LAST))) == (1, 1)


def test_a_wrong_place_by_hand():
    """The middle patch is fifth from the top: above four of eight others, found at precision 1/5."""
    middle = np.eye(3) * [0, 1, 0]
    assert overlap(GRID, middle) == (0, 0, 0, 0)
    assert [float(f(GRID, middle)) for f in (pointing, mass, auroc, auprc)] == pytest.approx([0, 1 / 9, 1 / 2, 1 / 5])


def test_even_attention_is_at_chance():
    assert overlap(EVEN, LAST) == pytest.approx((1 / 9, 1 / 5, 1 / 9, 1))
    assert [float(f(EVEN, LAST)) for f in (pointing, mass, auroc, auprc)] == pytest.approx([1 / 9, 1 / 9, 1 / 2, 1 / 9])


def test_boxes_are_around_components_that_touch_by_side_or_corner_highest_first():
    grid = np.zeros((20, 20))
    grid[2, 3] = grid[3, 4] = 5
    grid[10:12, 8] = 6
    grid[15, 15] = 1
    grid[0:2, 10:20] = 0.5
    assert named_boxes(grid) == [(slice(10, 12), slice(8, 9)), (slice(2, 4), slice(3, 5))]
    several = np.zeros((20, 20))
    several[2:4, 3:5] = several[10, 8] = 1
    assert overlap(grid, several) == pytest.approx((5 / 6, 10 / 11, 5 / 6, 1))


def test_the_ten_highest_boxes_are_kept():
    grid = np.zeros((3, 30))
    grid[1, ::2] = 2  # fifteen peaks of one patch
    assert named_boxes(grid) == [(slice(1, 2), slice(x, x + 1)) for x in range(0, 20, 2)]


def test_a_mask_smaller_than_a_patch_marks_the_patch_it_covers_most():
    geometry = Geometry.stretch(30, 30, rows=3, cols=3)
    pixels = np.zeros((30, 30))
    pixels[28:30, 19:24] = 1
    shares = geometry.mask_of_pixels(pixels)
    assert shares[2].tolist() == pytest.approx([0, 0.02, 0.08])
    assert marked(shares).tolist() == LAST.astype(bool).tolist()
    assert (float(pointing(GRID, shares)), float(auroc(GRID, shares))) == (1, 1)
    assert overlap(GRID, shares) == pytest.approx((0.08 / 1.02, 2 * 0.08 / 1.1, 0.08, 0.8))


def test_of_a_box_that_a_crop_cuts_off_the_rest_counts():
    geometry = Geometry.center_crop(200, 100, rows=3, cols=3, size=3)
    mask = geometry.patch_mask([(120, 70, 200, 100)])
    assert mask.tolist() == LAST.astype(bool).tolist()
    assert overlap(GRID, mask).iou == 1


def test_rankings_against_all_pairs_and_all_thresholds():
    rng = np.random.default_rng(0)
    for _ in range(20):
        maps, mask = rng.integers(0, 6, (2, 30)).astype(float), rng.random(30) < 0.3
        mask[0] = True
        pairs, precisions = [], []
        for values in maps:
            gap = values[mask][:, None] - values[~mask]
            pairs.append(((gap > 0) + 0.5 * (gap == 0)).mean())
            area, before = 0.0, 0.0
            for threshold in sorted(set(values), reverse=True):
                taken = values >= threshold
                recall = mask[taken].sum() / mask.sum()
                area, before = area + (recall - before) * mask[taken].mean(), recall
            precisions.append(area)
        assert auroc(maps, mask) == pytest.approx(pairs)
        assert auprc(maps, mask) == pytest.approx(precisions)


def test_rankings_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    maps, mask = rng.integers(0, 9, (4, 6, 6)).astype(float), rng.random((6, 6)) < 0.2
    for got, theirs in ((auroc, metrics.roc_auc_score), (auprc, metrics.average_precision_score)):
        assert got(maps, mask) == pytest.approx([theirs(mask.ravel(), layer.ravel()) for layer in maps])


def test_layers_and_what_is_unknown():
    maps = np.stack([GRID, EVEN, np.zeros((3, 3))])
    assert mass(maps, LAST) == pytest.approx([0.2, 1 / 9, 0])
    assert pointing(maps, LAST) == pytest.approx([1, 1 / 9, 1 / 9])
    assert np.isnan(auroc(maps, EVEN)).all()
    assert auprc(maps, EVEN).tolist() == [1, 1, 1]


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"a map of shape \(9,\)"):
        named_boxes(GRID.ravel())
    with pytest.raises(ValueError, match="q7: the mask has a share of 2"):
        overlap(GRID, 2 * LAST, "q7")
    for measure in (overlap, pointing, mass, auroc, auprc):
        with pytest.raises(ValueError, match="q7: the mask is empty"):
            measure(GRID, 0 * LAST, "q7")


def test_docstring_examples():
    assert doctest.testmod(regions).failed == 0
