"""Heat maps: the pixels have frames and arrows where the heads and layers are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lmms_vg.runs.plots.heat_map import MARK, draw_heat_map

LINE = np.array([int(MARK[place : place + 2], 16) for place in (1, 3, 5)])


def drawn(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of the picture, and which of them have the colour of marks."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return pixels, (np.abs(pixels - LINE) < 40).all(-1)


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "heads"), [(6, 6), (28, 28), (60, 56), (3, 40)])
def test_frame_and_arrow(layers: int, heads: int) -> None:
    """The only chosen head is dark inside its frame, others are light, and the arrow is level with its layer."""
    kl = np.full((layers, heads), 4.0)
    chosen = (layers // 3, heads // 2)
    kl[chosen] = 1.0
    pixels, marked = drawn(draw_heat_map(kl, [chosen], [chosen[0]], "title"))
    rows, columns = np.nonzero(marked)
    gap = np.flatnonzero(np.diff(np.unique(columns)) > 3)
    assert len(gap) == 1, "frame and arrow lie apart"
    left, right = np.split(np.unique(columns), gap + 1)
    top, bottom = rows[columns <= left[-1]].min(), rows[columns <= left[-1]].max()
    width, height = left[-1] - left[0], bottom - top
    assert abs(width - height) <= 2, "cells are square"
    inside = pixels[top + 4 : bottom - 3, left[0] + 4 : left[-1] - 3].reshape(-1, 3)
    assert inside.mean() < 80, "the low head is dark"
    beside = pixels[top + 4 : bottom - 3, left[0] - width + 4 : left[0] - 3].reshape(-1, 3)
    assert beside.mean() > 200
    arrow = rows[columns >= right[0]]
    assert abs((arrow.min() + arrow.max()) / 2 - (top + bottom) / 2) <= 3
    assert right[0] > left[-1]


def test_a_map_of_equal_values_and_no_marks() -> None:
    assert not drawn(draw_heat_map(np.ones((4, 4)), [], [], ""))[1].any()
