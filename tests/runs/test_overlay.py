"""Overlay pictures: the pixels show box and heat where they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lmms_vg.runs.plots.overlay import draw_overlay
from lmms_vg.vision.patch_grid import Geometry


def test_box_and_heat_lie_where_the_patch_is(tmp_path: Path) -> None:
    """A wide image with HuatuoGPT's padding and one hot patch: cyan box and heat agree, the rest stays grey."""
    geometry = Geometry.pad(200, 100, 8, 8)
    heat = np.zeros((8, 8))
    heat[3, 6] = 1.0
    box = geometry.patch_box(3, 6)
    assert box == (150.0, 25.0, 175.0, 50.0)
    out = tmp_path / "new" / "picture.png"
    draw_overlay(Image.new("RGB", (200, 100), (90, 90, 90)), [box], {"model": geometry.to_pixels(heat)}, "Where?", out)
    picture = np.asarray(Image.open(out).convert("RGB")).astype(int)
    width = picture.shape[1]
    right = picture[:, width // 2 :]
    cyan = (right[..., 0] < 60) & (right[..., 1] > 200) & (right[..., 2] > 220)
    rows, columns = np.nonzero(cyan)
    top, bottom, left, end = rows.min(), rows.max(), columns.min(), columns.max()
    inside = right[top + 4 : bottom - 4, left + 4 : end - 4].reshape(-1, 3)
    assert (inside.max(1) - inside.min(1)).mean() > 40, "the hot patch fills the box"
    below = right[bottom + 6 : bottom + 16, left:end].reshape(-1, 3)
    assert (below.max(1) - below.min(1)).mean() < 25, "under the box the image stays grey"
    # 200 x 100 pixels drawn to scale: the box is a square, an eighth of the panel wide, right of the middle
    assert abs((bottom - top) - (end - left)) <= 3
    scale = (end - left) / 25
    assert abs(scale * 200 - width / 2) < 0.15 * width / 2


def test_pixels_the_model_does_not_see_are_left_alone(tmp_path: Path) -> None:
    geometry = Geometry.center_crop(200, 100, 4, 4, 56)
    seen = geometry.to_pixels(np.ones((4, 4)))
    assert np.isnan(seen[:, :50]).all()
    draw_overlay(Image.new("RGB", (200, 100)), [], {"model": seen}, "", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
