"""Overlay pictures: the pixels show box, heat and hidden patches where they should be."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.runs.plots.overlay import Panel, draw_overlay
from lmms_vg.vision.patch_grid import Geometry

WIDE = Geometry.pad(200, 100, 8, 8)


def pixels(png: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def one_hot(value: float, at: tuple[int, int] = (3, 6)) -> NDArray[np.float64]:
    heat = np.zeros((8, 8))
    heat[at] = value
    return heat


def inside_of_box(
    panel: Panel, nth: int, of: int
) -> tuple[NDArray[np.int64], tuple[int, int, int, int], NDArray[np.int64]]:
    """The pixels inside the cyan box of the nth panel, the box, and the panel."""
    box = panel.view.patch_box(3, 6)
    picture = pixels(draw_overlay(Image.new("RGB", (200, 100), (90, 90, 90)), [box], [panel], "Where?"))
    part = picture[:, picture.shape[1] * nth // of : picture.shape[1] * (nth + 1) // of]
    cyan = (part[..., 0] < 60) & (part[..., 1] > 200) & (part[..., 2] > 220)
    rows, columns = np.nonzero(cyan)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    return part[top + 4 : bottom - 4, left + 4 : right - 4].reshape(-1, 3), (top, bottom, left, right), part


def test_box_and_heat_lie_where_the_patch_is() -> None:
    """A wide image with HuatuoGPT's padding and one hot patch: cyan box and heat agree, the rest stays grey."""
    assert WIDE.patch_box(3, 6) == (150.0, 25.0, 175.0, 50.0)
    inside, (top, bottom, left, right), panel = inside_of_box(Panel("model", WIDE, one_hot(3.0)), 1, 2)
    assert (inside.max(1) - inside.min(1)).mean() > 40, "the hot patch fills the box"
    below = panel[bottom + 6 : bottom + 16, left:right].reshape(-1, 3)
    assert (below.max(1) - below.min(1)).mean() < 25, "under the box the image stays grey"
    assert abs((bottom - top) - (right - left)) <= 3, "200 x 100 pixels are drawn to scale: the box is a square"


@pytest.mark.slow
def test_one_scale_for_all_maps() -> None:
    """A value has one colour whatever else is in the map, and what is above the scale has its last colour."""
    alone, *_ = inside_of_box(Panel("m", WIDE, one_hot(2.0)), 1, 2)
    beside, *_ = inside_of_box(Panel("m", WIDE, one_hot(2.0) + one_hot(4.0, (2, 1))), 1, 2)
    np.testing.assert_array_equal(alone, beside)
    top, above = (inside_of_box(Panel("m", WIDE, one_hot(value)), 1, 2)[0] for value in (4.0, 40.0))
    np.testing.assert_array_equal(top, above)
    assert abs(top.mean(0) - alone.mean(0)).max() > 40


@pytest.mark.slow
def test_hidden_patches_are_hatched_and_no_others() -> None:
    hidden = np.zeros((8, 8), dtype=bool)
    hidden[3, 6] = True
    hatched, *_ = inside_of_box(Panel("m", WIDE, np.zeros((8, 8)), hidden), 1, 2)
    plain, *_ = inside_of_box(Panel("m", WIDE, np.zeros((8, 8)), np.roll(hidden, 3)), 1, 2)
    white = (hatched.min(1) > 200).mean()
    assert 0.1 < white < 0.8, "stripes"
    assert not (plain.min(1) > 200).any()


def test_pixels_the_model_does_not_see_are_left_alone() -> None:
    """A centre crop of a wide image: left and right of it there is no patch."""
    view = Geometry.center_crop(200, 100, 4, 4, 56)
    picture = pixels(
        draw_overlay(Image.new("RGB", (200, 100), (90, 90, 90)), [], [Panel("", view, np.full((4, 4), 4.0))], "")
    )
    middle = picture[picture.shape[0] // 2 + 10]
    grey = (abs(middle - 90) < 3).all(1)
    runs = np.flatnonzero(grey)
    assert 0.6 < len(runs) / (2 * np.diff([runs[0], runs[-1]])[0] / 2) < 0.9, "the first panel, and half of the second"


@pytest.mark.parametrize("text", ["costs $5 and $7?", "<b>$\\frac</b>", "a_b^c{"])
def test_titles_are_text_and_no_formula(text: str) -> None:
    panel = Panel(text, WIDE, one_hot(1.0))
    assert draw_overlay(Image.new("RGB", (200, 100)), [], [panel], text)[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_same_picture_has_the_same_bytes() -> None:
    first, again = (
        draw_overlay(Image.new("RGB", (200, 100)), [], [Panel("m", WIDE, one_hot(1.0))], "a") for _ in range(2)
    )
    assert first == again
