"""Where a grid lies on an image, told from the patches alone, against the geometry that made them."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.study.map_place import map_place
from lmms_vg.vision.patch_grid import Geometry

BOX = (40.0, 20.0, 260.0, 140.0)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry.pad(640, 480, 24, 24), (0, -80, 640, 560)),
        (Geometry.pad(480, 640, 24, 24), (-80, 0, 560, 640)),
        (Geometry.stretch(640, 480, 24, 24), (0, 0, 640, 480)),
        (Geometry.stretch(640, 480, 18, 24), (0, 0, 640, 480)),
        (Geometry.center_crop(640, 480, 24, 24, 336), (80, 0, 560, 480)),
        (Geometry.pad(500, 500, 8, 8), (0, 0, 500, 500)),
    ],
)
def test_the_geometry_is_found_again(geometry: Geometry, expected: tuple[float, ...]) -> None:
    size = geometry.width, geometry.height
    found = map_place(size, [BOX], geometry.patch_mask([BOX]), geometry.visible)
    assert found == pytest.approx(expected)


def test_without_boxes_the_padding_decides() -> None:
    geometry = Geometry.pad(640, 480, 24, 24)
    assert map_place((640, 480), [], np.zeros((24, 24), bool), geometry.visible) == pytest.approx((0, -80, 640, 560))


def test_what_fits_nothing_has_no_place() -> None:
    geometry = Geometry.pad(640, 480, 24, 24)
    assert map_place((640, 480), [BOX], ~geometry.patch_mask([BOX]), geometry.visible) is None
    assert map_place((640, 480), [(9, 9, 1, 1)], geometry.patch_mask([BOX]), geometry.visible) is None, "a broken box"
    assert map_place((300, 300), [BOX], geometry.patch_mask([BOX]), geometry.visible) is None, "another image"
