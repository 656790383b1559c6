"""Masks become boxes, against a flood fill written with sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmms_vg.vgmed.components import mask_boxes, touched_patches
from lmms_vg.vgmed.manifest import Filters

ALL = Filters(min_area=0, max_share=1, min_patches=1)
MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def flooded(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """The connected components of a mask, as sets of (x, y); neighbours at corners are connected."""
    left = {(x, y) for y, row in enumerate(mask) for x, pixel in enumerate(row) if pixel}
    parts = []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            x, y = edge.pop()
            part.add((x, y))
            near = {(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
        parts.append(part)
    return parts


def box_of(points: set[tuple[int, int]]) -> tuple[int, int, int, int]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


@given(MASKS)
def test_every_component_has_its_box(mask: np.ndarray) -> None:
    kept = mask_boxes([mask], ALL)
    assert sorted(kept.boxes) == sorted({box_of(part) for part in flooded(mask)})
    assert (kept.mask == mask).all()
    assert dict(kept.dropped) == ({} if mask.any() else {"empty mask": 1})


@given(MASKS)
def test_one_box_around_all(mask: np.ndarray) -> None:
    kept = mask_boxes([mask], ALL.model_copy(update={"components": "whole"}))
    points = set().union(*flooded(mask))
    assert kept.boxes == ([box_of(points)] if points else [])
    assert (kept.mask == mask).all()


@given(MASKS)
def test_the_largest_component(mask: np.ndarray) -> None:
    kept = mask_boxes([mask], ALL.model_copy(update={"components": "largest"}))
    parts = flooded(mask)
    if parts:
        assert kept.mask.sum() == max(map(len, parts))
        assert kept.boxes[0] in {box_of(part) for part in parts if len(part) == kept.mask.sum()}
        assert kept.dropped["component is not the largest"] == len(parts) - 1


@given(MASKS, st.floats(0, 0.3))
def test_small_components_are_counted(mask: np.ndarray, least: float) -> None:
    kept = mask_boxes([mask], ALL.model_copy(update={"min_area": least}))
    parts = flooded(mask)
    small = [part for part in parts if len(part) < least * mask.size]
    assert kept.dropped["component below min_area"] == len(small)
    assert kept.mask.sum() == sum(map(len, parts)) - sum(map(len, small))


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=1, max_size=3), st.integers(31, 90), st.integers(31, 90))
def test_touched_patches(corners: list[tuple[int, int, int, int]], height: int, width: int) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in corners]
    pixels = {(x, y) for x1, y1, x2, y2 in boxes for x in range(x1, x2) for y in range(y1, y2)}
    # A pixel touches a patch if its area, 24 x 24 small squares, reaches into it.
    corners_of = {(24 * x + i, 24 * y + j) for x, y in pixels for i in (0, 23) for j in (0, 23)}
    assert touched_patches(boxes, height, width) == len({(a // width, b // height) for a, b in corners_of})


def test_several_instances_of_a_label() -> None:
    first, second = np.zeros((2, 48, 48), bool)
    first[0:10, 0:10] = True
    second[20:40, 20:44] = True
    kept = mask_boxes([first, second], ALL)
    assert kept.boxes == [(20, 20, 44, 40), (0, 0, 10, 10)]
    assert (kept.mask == (first | second)).all()


def test_a_single_pixel() -> None:
    mask = np.zeros((48, 48), bool)
    mask[7, 5] = True
    assert mask_boxes([mask], ALL).boxes == [(5, 7, 6, 8)]
    assert dict(mask_boxes([mask], Filters()).dropped) == {"component below min_area": 1}
    assert dict(mask_boxes([mask], Filters(min_area=0)).dropped) == {"boxes below min_patches": 1}


def test_the_border() -> None:
    mask = np.zeros((20, 30), bool)
    mask[[0, -1], :] = mask[:, [0, -1]] = True
    assert mask_boxes([mask], ALL).boxes == [(0, 0, 30, 20)]
    assert dict(mask_boxes([mask], Filters()).dropped) == {"boxes above max_share": 1}


def test_a_mask_that_fills_little_of_its_box() -> None:
    diagonal = np.eye(48, dtype=bool)
    filters = ALL.model_copy(update={"min_fill": 0.3})
    assert dict(mask_boxes([diagonal], filters).dropped) == {"mask below min_fill": 1}
    assert mask_boxes([diagonal], filters.model_copy(update={"min_fill": 1 / 48})).boxes == [(0, 0, 48, 48)]


@pytest.mark.parametrize("components", ["all", "whole", "largest"])
def test_no_pixels(components: str) -> None:
    kept = mask_boxes([np.zeros((4, 4), bool)], ALL.model_copy(update={"components": components}))
    assert (kept.boxes, dict(kept.dropped)) == ([], {"empty mask": 1})
