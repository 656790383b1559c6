"""A region moves to a place of its own shape that it shares nothing with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg.vision.elsewhere import Rect, moved

WHOLE = Rect(0, 0, 9, 7)


def painted(region: Sequence[Rect]) -> np.ndarray:
    cells = np.zeros((WHOLE.y1, WHOLE.x1), dtype=bool)
    for part in region:
        cells[part.y0 : part.y1, part.x0 : part.x1] = True
    return cells


def by_trying(region: Sequence[Rect], within: Rect) -> set[tuple[int, int]]:
    """Every (dx, dy) that works, found cell by cell."""
    own = {(x, y) for part in region for x in range(part.x0, part.x1) for y in range(part.y0, part.y1)}
    inside = {(x, y) for x in range(within.x0, within.x1) for y in range(within.y0, within.y1)}
    found = set()
    for dx in range(-20, 21):
        for dy in range(-20, 21):
            there = {(x + dx, y + dy) for x, y in own}
            if there <= inside and not there & own:
                found.add((dx, dy))
    return found


rects = st.builds(
    lambda x, y, width, height: Rect(x, y, min(x + width, 9), min(y + height, 7)),
    *(st.integers(0, 8), st.integers(0, 6), st.integers(1, 5), st.integers(1, 4)),
)


@pytest.mark.slow
@given(st.lists(rects, min_size=1, max_size=3), st.integers(0, 5))
def test_a_place_is_one_that_trying_finds(region: list[Rect], seed: int) -> None:
    places = by_trying(region, WHOLE)
    there = moved(region, WHOLE, Random(seed))
    if there is None:
        assert not places
        return
    offsets = {(after.x0 - before.x0, after.y0 - before.y0) for before, after in zip(region, there, strict=True)}
    assert len(offsets) == 1, "the shape is rigid"
    assert offsets <= places
    assert not (painted(region) & painted(there)).any()
    assert painted(region).sum() == painted(there).sum()


def test_all_places_are_drawn_evenly_and_no_other() -> None:
    region = [Rect(1, 1, 4, 3), Rect(3, 2, 5, 4)]
    places = by_trying(region, WHOLE)
    drawn: Counter[tuple[int, int]] = Counter()
    for seed in range(200 * len(places)):
        there = moved(region, WHOLE, Random(seed))
        assert there is not None
        drawn[there[0].x0 - region[0].x0, there[0].y0 - region[0].y0] += 1
    assert set(drawn) == places
    assert min(drawn.values()) > 120


@pytest.mark.parametrize("region", [[WHOLE], [Rect(0, 0, 9, 4)], [Rect(3, 2, 6, 5), Rect(0, 0, 1, 7)]])
def test_a_region_without_a_place(region: list[Rect]) -> None:
    assert by_trying(region, WHOLE) == set()
    assert moved(region, WHOLE, Random(0)) is None


def test_it_stays_within_a_part_of_the_image() -> None:
    within = Rect(2, 1, 8, 6)
    for seed in range(50):
        there = moved([Rect(3, 2, 5, 4)], within, Random(seed))
        assert there is not None
        assert within.x0 <= there[0].x0 < there[0].x1 <= within.x1
        assert within.y0 <= there[0].y0 < there[0].y1 <= within.y1
