"""Map an image's pixels, boxes and masks to a model's patch grid, and back.

Pixel coordinates are continuous: pixel i spans [i, i + 1). Patch coordinates likewise: patch j spans [j, j + 1).
Every image preparation in use (pad to a square, resize, centre crop) is one affine map per axis between the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadBox

#: x1, y1, x2, y2 in pixels of the original image; x2 and y2 are exclusive.
Box: TypeAlias = tuple[float, float, float, float]

#: Lengths along x and y: width and height, or columns and rows.
Size: TypeAlias = tuple[int, int]

#: Smallest overlap with a patch that counts, in patches. Boxes that were divided and multiplied before may end at
#: 2.9999999999999996 or 3.0000000000000004 where 3 is meant.
TOLERANCE = 1e-9


def check_box(box: Any, width: int, height: int) -> Box:
    """Clip an xyxy pixel box to the image.

    Raises:
        BadBox: The box, which is named, is not four finite numbers, is empty or inverted, or lies outside the image.
    """
    try:
        corners = np.asarray(box)
    except (TypeError, ValueError):  # ragged nesting
        corners = np.empty(0)
    if corners.shape != (4,) or corners.dtype.kind not in "iuf" or not np.isfinite(corners).all():
        raise BadBox(f"box {box!r}: need four finite numbers x1, y1, x2, y2")
    x1, y1, x2, y2 = map(float, corners)
    if x2 <= x1 or y2 <= y1:
        raise BadBox(f"box {box!r} is empty or inverted: need x1 < x2 and y1 < y2 (is it x, y, width, height?)")
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise BadBox(f"box {box!r} lies outside the image of {width} x {height} pixels (is it x, y, width, height?)")
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))


@dataclass(frozen=True)
class Axis:
    """One axis: patch = (pixel * scale + shift) / unit, in integers so that patch edges are exact."""

    pixels: int
    patches: int
    scale: int
    shift: int
    unit: int

    def to_patch(self, pixel: float) -> float:
        """Convert a pixel coordinate to a patch coordinate."""
        return (pixel * self.scale + self.shift) / self.unit

    def to_pixel(self, patch: float) -> float:
        """Convert a patch coordinate to a pixel coordinate."""
        return (patch * self.unit - self.shift) / self.scale

    def touched(self, low: float, high: float) -> slice:
        """Return the patches that the pixel interval [low, high) overlaps; empty if the model does not see it."""
        first, last = self.to_patch(low), self.to_patch(high)
        # An interval within TOLERANCE of an edge still touches one patch, the one before `last`.
        start = min(math.floor(first + TOLERANCE), math.ceil(last) - 1)
        stop = max(math.ceil(last - TOLERANCE), start + 1)
        return slice(max(start, 0), max(stop, 0))  # indexing stops at the last patch

    def patch_of_pixels(self) -> NDArray[np.int64]:
        """Return the patch of every pixel's centre, (pixels,); outside range(patches) if the pixel is cropped away."""
        twice_centres = 2 * np.arange(self.pixels, dtype=np.int64) + 1  # doubled to stay integers
        return (twice_centres * self.scale + 2 * self.shift) // (2 * self.unit)

    def overlaps(self) -> NDArray[np.float64]:
        """Return the share, 0 to 1, of each patch that each pixel covers, (patches, pixels)."""
        edges = (np.arange(self.pixels + 1, dtype=np.int64) * self.scale + self.shift) / self.unit
        patch = np.arange(self.patches)[:, None]
        shares: NDArray[np.float64] = np.clip(np.minimum(edges[1:], patch + 1) - np.maximum(edges[:-1], patch), 0, None)
        return shares


@dataclass(frozen=True)
class Geometry:
    """The mapping of one image of `width` x `height` pixels to a grid of `rows` x `cols` patches.

    >>> huatuo = Geometry.pad(640, 480, rows=24, cols=24)
    >>> huatuo.patch_box(3, 0)  # the three rows above are padding
    (0.0, 0.0, 26.666666666666668, 26.666666666666668)
    >>> int(huatuo.patch_mask([(0, 0, 640, 480)]).sum())
    432
    """

    x: Axis
    y: Axis

    @classmethod
    def pad(cls, width: int, height: int, rows: int, cols: int) -> Geometry:
        """Paste the image into the middle of a square, then resize the square (`pad` of LLaVA, HuatuoGPT-Vision)."""
        _check_positive(width=width, height=height)
        side = max(width, height)
        return cls.prepared((width, height), (cols, rows), (side, side), resized=(1, 1), offset=(0, 0), extent=(1, 1))

    @classmethod
    def center_crop(cls, width: int, height: int, rows: int, cols: int, size: int) -> Geometry:
        """Resize the shorter edge to `size` pixels, then cut out the middle `size` x `size` pixels.

        Lengths are rounded as by transformers' CLIPImageProcessor: the longer edge and the crop's offset are rounded down.
        """
        _check_positive(width=width, height=height, size=size)
        short = min(width, height)
        resized = (size * width // short, size * height // short)
        offset = ((size - resized[0] + 1) // 2, (size - resized[1] + 1) // 2)
        return cls.prepared((width, height), (cols, rows), (width, height), resized, offset, extent=(size, size))

    @classmethod
    def prepared(
        cls, image: Size, grid: Size, canvas: Size, resized: Size, offset: tuple[int, int], extent: Size
    ) -> Geometry:
        """Paste the image into the middle of a canvas, resize the canvas, and place it on the model's input.

        Args:
            image: Width and height of the image. All lengths but `grid` are in pixels.
            grid: Columns and rows of patches.
            canvas: Size of the canvas, at least that of the image; an odd pixel of padding goes after the image.
            resized: Size of the resized canvas.
            offset: Position of the resized canvas on the input; negative where it is cropped.
            extent: Size of the part of the input, from its first pixel, that all patches together cover.
        """
        (cols, rows), (width, height) = grid, resized
        _check_positive(rows=rows, cols=cols, width=width, height=height)

        def axis(pixels: int, patches: int, canvas: int, resized: int, offset: int, extent: int) -> Axis:
            shift = ((canvas - pixels) // 2 * resized + offset * canvas) * patches
            return Axis(pixels, patches, scale=resized * patches, shift=shift, unit=canvas * extent)

        x, y = zip(image, grid, canvas, resized, offset, extent, strict=True)
        return cls(axis(*x), axis(*y))

    @classmethod
    def stretch(cls, width: int, height: int, rows: int, cols: int) -> Geometry:
        """Resize each axis separately to fill the grid.

        The paper's released code assumes this for padded images too (`geometry="stretch"`): unless the image is square,
        boxes then land on the wrong patches.
        """
        _check_positive(width=width, height=height, rows=rows, cols=cols)
        return cls(Axis(width, cols, cols, 0, width), Axis(height, rows, rows, 0, height))

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        return self.x.pixels

    @property
    def height(self) -> int:
        """Height of the image in pixels."""
        return self.y.pixels

    @property
    def rows(self) -> int:
        """Number of rows of patches."""
        return self.y.patches

    @property
    def cols(self) -> int:
        """Number of columns of patches."""
        return self.x.patches

    def patch_mask(self, boxes: Iterable[Any]) -> NDArray[np.bool_]:
        """Return the patches, (rows, cols), that any of the xyxy pixel `boxes` overlaps, however little.

        The mask is empty if there is no box, or if a centre crop cut all of them away: the caller has to report that.

        Raises:
            BadBox: `check_box` refuses a box.
        """
        mask = np.zeros((self.rows, self.cols), dtype=bool)
        for box in boxes:
            x1, y1, x2, y2 = check_box(box, self.width, self.height)
            mask[self.y.touched(y1, y2), self.x.touched(x1, x2)] = True
        return mask

    @property
    def visible(self) -> NDArray[np.bool_]:
        """The patches, (rows, cols), that show some of the image and not only padding."""
        return self.patch_mask([(0, 0, self.width, self.height)])

    def patch_box(self, row: int, col: int) -> Box:
        """Return a patch as an xyxy box in pixels of the original image. It is not clipped, so it may lie in the padding."""
        return self.x.to_pixel(col), self.y.to_pixel(row), self.x.to_pixel(col + 1), self.y.to_pixel(row + 1)

    def to_pixels(self, patch_map: NDArray[Any]) -> NDArray[np.float64]:
        """Return the value of the patch under each pixel's centre, (rows, cols) -> (height, width); NaN if cropped away."""
        patch_map = self._expect(patch_map, self.rows, self.cols)
        row, col = self.y.patch_of_pixels(), self.x.patch_of_pixels()
        seen_row, seen_col = (row >= 0) & (row < self.rows), (col >= 0) & (col < self.cols)
        pixels = np.full((self.height, self.width), np.nan)
        pixels[np.ix_(seen_row, seen_col)] = patch_map[np.ix_(row[seen_row], col[seen_col])]
        return pixels

    def mask_of_pixels(self, mask: NDArray[Any]) -> NDArray[np.float64]:
        """Return the share, 0 to 1, of each patch that a segmentation mask covers, (height, width) -> (rows, cols)."""
        mask = self._expect(mask, self.height, self.width)
        return self.y.overlaps() @ mask.astype(np.float64) @ self.x.overlaps().T

    @staticmethod
    def _expect(array: NDArray[Any], *shape: int) -> NDArray[Any]:
        array = np.asarray(array)
        if array.shape != shape:
            raise ValueError(f"expected an array of shape {shape}, got {array.shape}")
        return array


def _check_positive(**lengths: int) -> None:
    for name, value in lengths.items():
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
