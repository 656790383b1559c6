"""Pictures of a blind study: every map on one colour scale, and every file as long as the next.

A compressed picture of a map with holes is shorter than one of a map without, so sorting by size would tell the arms apart. The
pictures of maps are therefore PNG files without compression: their length depends on their width and height only.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.vgmed.blind_arms import RunMap
from lmms_vg.vision.patch_grid import Geometry

#: Width and height of a picture of a map, in pixels.
SIDE = 448

#: Lift at the upper end of the colour scale; 1 is even attention.
TOP = 4.0

_FAINTEST, _STRONGEST = 0.1, 0.7  # of the map over the image, which stays visible
_PATCH = 14  # pixels; it decides the rounding of an image that is cut, and no more
_STORED, _PACKED = 0, 6  # zlib's levels; 9 takes ten times as long for a tenth less


def placements(size: tuple[int, int], boxes: Sequence[Any], kept: RunMap) -> dict[str, Geometry]:
    """Return the ways an image may lie on the patches: the one that the run kept.

    Runs of older versions did not keep it: there, all known ways under which the boxes fall on the mask that they kept.

    Args:
        size: width and height of the image.
        boxes: xyxy, in its pixels.
        kept: what the run kept of the question.

    Raises:
        ValueError: it is none of the ways that are known, or the run saw an image of another size.
    """
    (width, height), (rows, cols) = size, kept.grid
    if kept.geometry is not None:
        if (kept.geometry.width, kept.geometry.height) != size:
            raise ValueError(
                f"image of {width} x {height} pixels: the run saw one of {kept.geometry.width} x {kept.geometry.height}; "
                "the data set has changed since"
            )
        return {"kept": kept.geometry}
    ways = {"stretched": Geometry.stretch(width, height, rows, cols)}
    if rows == cols:
        ways["padded"] = Geometry.pad(width, height, rows, cols)
        ways["cut"] = Geometry.center_crop(width, height, rows, cols, _PATCH * rows)
    matches = {
        name: way
        for name, way in ways.items()
        if np.array_equal(way.visible.ravel(), kept.visible)
        and np.array_equal(way.patch_mask(boxes).ravel(), kept.mask)
    }
    if not matches:
        raise ValueError(
            f"image of {width} x {height} pixels on {rows} x {cols} patches: it lies there in none of the ways that are drawn "
            f"here ({', '.join(ways)})"
        )
    return matches


def map_picture(image: Image.Image, lift: NDArray[np.float64], geometry: Geometry) -> bytes:
    """Return the image under a map as PNG.

    Args:
        image: RGB.
        lift: (rows, cols); 1 is even attention.
        geometry: how the image lies on the patches.
    """
    level = np.clip(np.nan_to_num(geometry.to_pixels(lift)) / TOP, 0, 1)[..., None]
    alpha = np.clip(level, _FAINTEST, _STRONGEST)
    colours = colormaps["inferno"](level[..., 0])[..., :3] * 255
    mixed = (1 - alpha) * np.asarray(image, dtype=np.float64) + alpha * colours
    return _png(_square(Image.fromarray(np.rint(mixed).astype(np.uint8))), _STORED)


def plain_picture(image: Image.Image) -> bytes:
    """Return the image alone, of the same size."""
    return _png(_square(image), _PACKED)


def _square(image: Image.Image) -> Image.Image:
    scale = SIDE / max(image.size)
    width, height = (max(1, round(scale * length)) for length in image.size)
    square = Image.new("RGB", (SIDE, SIDE))
    square.paste(image.resize((width, height), Image.Resampling.LANCZOS), ((SIDE - width) // 2, (SIDE - height) // 2))
    return square


def _png(image: Image.Image, level: int) -> bytes:
    data = BytesIO()
    image.save(data, "PNG", compress_level=level)
    return data.getvalue()
