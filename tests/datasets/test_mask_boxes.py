"""Boxes of masks, against a loop over all pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmms_vg.datasets.mask_boxes import covered, tight

MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(MASKS)
def test_the_tight_box(mask: np.ndarray) -> None:
    points = [(x, y) for y, row in enumerate(mask) for x, pixel in enumerate(row) if pixel]
    if not points:
        assert tight(mask) is None
        return
    xs, ys = zip(*points, strict=True)
    assert tight(mask) == (min(xs), min(ys), max(xs) + 1, max(ys) + 1)


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 4), max_size=4))
def test_covered_pixels(corners: list[tuple[int, int, int, int]]) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    inside = covered(boxes, 9, 10)
    for y in range(9):
        for x in range(10):
            assert inside[y, x] == any(x1 <= x < x2 and y1 <= y < y2 for x1, y1, x2, y2 in boxes)
