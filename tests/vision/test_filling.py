"""What an image shows is taken away, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lmms_vg._util.error_codes import BadBox
from lmms_vg.vision.elsewhere import Rect
from lmms_vg.vision.filling import RING, blank, filled, pixels_of


def noise(height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_blank_image_has_size_and_mean() -> None:
    image = Image.fromarray(np.array([[[0, 10, 255]], [[1, 30, 255]], [[1, 30, 254]]], dtype=np.uint8))
    assert blank(image).size == image.size == (1, 3)
    assert set(blank(image).getdata()) == {(1, 23, 255)}  # means .67, 23.3, 254.7


def test_only_pixels_of_the_region_change_and_all_get_the_ring_mean() -> None:
    before = noise()
    region = [Rect(10, 8, 20, 15), Rect(15, 12, 25, 20), Rect(36, 0, 40, 3)]
    after = np.asarray(filled(Image.fromarray(before), region))
    covered = np.zeros((30, 40), dtype=bool)
    for x0, y0, x1, y1 in region:
        covered[y0:y1, x0:x1] = True
    assert (after[~covered] == before[~covered]).all()
    for part in (region[:2], region[2:]):  # the first two are one connected part
        ring = np.zeros((30, 40), dtype=bool)
        for x0, y0, x1, y1 in part:
            ring[max(y0 - RING, 0) : y1 + RING, max(x0 - RING, 0) : x1 + RING] = True
        colour = before[ring & ~covered].mean(axis=0).round()
        for x0, y0, x1, y1 in part:
            assert (after[y0:y1, x0:x1] == colour).all()


def test_the_image_itself_is_left_alone() -> None:
    """Other questions have it, too."""
    image = Image.fromarray(noise())
    filled(image, [Rect(0, 0, 5, 5)])
    assert (np.asarray(image) == noise()).all()


def test_an_even_surrounding_hides_what_was_there() -> None:
    pixels = np.full((30, 40, 3), 77, dtype=np.uint8)
    pixels[5:9, 5:9] = 200
    after = np.asarray(filled(Image.fromarray(pixels), [Rect(5, 5, 9, 9)]))
    assert (after == 77).all()


def test_the_whole_image_has_no_surroundings() -> None:
    with pytest.raises(ValueError, match="the whole image"):
        filled(Image.fromarray(noise()), [Rect(0, 0, 40, 20), Rect(0, 20, 40, 30)])


def test_boxes_cover_every_pixel_that_they_touch() -> None:
    assert pixels_of([(1.2, 2, 3.1, 4), (-5, 0, 99, 1)], 40, 30) == [Rect(1, 2, 4, 4), Rect(0, 0, 40, 1)]
    with pytest.raises(BadBox):
        pixels_of([(5, 5, 2, 2)], 40, 30)
