"""Take what an image shows away: everywhere (`blank`), or in a region (`filled`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from lmms_vg.vision.elsewhere import Rect
from lmms_vg.vision.patch_grid import check_box

#: Width, in pixels, of the ring around a region whose mean colour fills it.
RING = 3

_EIGHT = np.ones((3, 3), dtype=bool)  # pixels touch by side or corner


def blank(image: Image.Image) -> Image.Image:
    """Return an RGB image of the same size in the mean colour of this one, per channel, rounded.

    The mean keeps size, brightness and tint, so that nothing but the content is taken away: black or grey would also turn a
    bright slide into a dark one. It tells as much about the image as one pixel can, such as stain or modality.
    """
    mean = np.asarray(image).reshape(-1, 3).mean(axis=0)
    red, green, blue = (int(value) for value in mean.round())
    return Image.new("RGB", image.size, (red, green, blue))


def pixels_of(boxes: Iterable[Any], width: int, height: int) -> list[Rect]:
    """Return the whole pixels that xyxy boxes touch.

    Raises:
        BadBox: as `check_box`.
    """
    corners = [check_box(box, width, height) for box in boxes]
    return [Rect(math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)) for x0, y0, x1, y1 in corners]


def filled(image: Image.Image, region: Sequence[Rect]) -> Image.Image:
    """Fill a region of an RGB image from its surroundings; all other pixels stay.

    Each connected part of the region gets one colour, the mean of the ring of `RING` pixels around it.

    Raises:
        ValueError: the region is the whole image, so nothing surrounds it.
    """
    before = np.asarray(image)
    covered = np.zeros(before.shape[:2], dtype=bool)
    for part in region:
        covered[part.y0 : part.y1, part.x0 : part.x1] = True
    if covered.all():
        raise ValueError("the region is the whole image, so nothing surrounds it that could fill it")
    after = before.copy()
    parts, number = ndimage.label(covered, _EIGHT)
    for label, (rows, columns) in zip(range(1, number + 1), ndimage.find_objects(parts), strict=True):
        near = (
            slice(max(rows.start - RING, 0), rows.stop + RING),
            slice(max(columns.start - RING, 0), columns.stop + RING),
        )
        inside = parts[near] == label
        ring = ndimage.binary_dilation(inside, _EIGHT, iterations=RING) & ~covered[near]
        after[near][inside] = before[near][ring].mean(axis=0).round()
    return Image.fromarray(after)
