"""How an image's pixels lie on a model's patch grid, and what a box or a mask in pixels is in patches.

Pixel coordinates are continuous: pixel i spans [i, i + 1). Patch coordinates likewise: patch j spans [j, j + 1).
Every image preparation in use (pad to a square, resize, centre crop) is one affine map per axis between the two.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the original image; x2 and y2 are exclusive."""

Size: TypeAlias = tuple[int, int]
"""Along x and along y: width and height, or columns and rows."""

TOLERANCE = 1e-9
"""In patches. Boxes which were divided and multiplied on their way here end at 2.9999999999999996 or 3.0000000000000004
where 3 is meant; an overlap with a patch smaller than this is none."""


def check_box(box: Any, width: int, height: int) -> Box:
    """The part of an xyxy pixel box inside the image.

    Raises ValueError, naming the box, if it is not four finite numbers, empty, inverted or wholly outside the image.
    """
    try:
        corners = np.asarray(box)
    except (TypeError, ValueError):  # ragged nesting
        corners = np.empty(0)
    if corners.shape != (4,) or corners.dtype.kind not in "iuf" or not np.isfinite(corners).all():
        raise ValueError(f"box {box!r}: need four finite numbers x1, y1, x2, y2")
    x1, y1, x2, y2 = map(float, corners)
    if x2 <= x1 or y2 <= y1:
        raise ValueError(f"box {box!r} is empty or inverted: need x1 < x2 and y1 < y2 (is it x, y, width, height?)")
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise ValueError(f"box {box!r} lies outside the image of {width} x {height} pixels")
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))


@dataclass(frozen=True)
class Axis:
    """One axis: patch = (pixel * scale + shift) / unit, in integers so that patch edges are met exactly."""

    pixels: int
    patches: int
    scale: int
    shift: int
    unit: int

    def to_patch(self, pixel: float) -> float:
        return (pixel * self.scale + self.shift) / self.unit

    def to_pixel(self, patch: float) -> float:
        return (patch * self.unit - self.shift) / self.scale

    def touched(self, low: float, high: float) -> slice:
        """The patches which the pixel interval [low, high) overlaps; empty where the model does not see it."""
        first, last = self.to_patch(low), self.to_patch(high)
        # An interval within TOLERANCE of an edge still touches one patch, and that one lies before `last`.
        start = min(math.floor(first + TOLERANCE), math.ceil(last) - 1)
        stop = max(math.ceil(last - TOLERANCE), start + 1)
        return slice(max(start, 0), max(stop, 0))  # indexing itself ends at the last patch

    def patch_of_pixels(self) -> NDArray[np.int64]:
        """(pixels,): the patch of every pixel's centre; not in range(patches) where the pixel is cropped away."""
        twice_centres = 2 * np.arange(self.pixels, dtype=np.int64) + 1  # twice, to stay with integers
        return (twice_centres * self.scale + 2 * self.shift) // (2 * self.unit)

    def overlaps(self) -> NDArray[np.float64]:
        """(patches, pixels): the share of each patch which each pixel covers."""
        edges = (np.arange(self.pixels + 1, dtype=np.int64) * self.scale + self.shift) / self.unit
        patch = np.arange(self.patches)[:, None]
        shares: NDArray[np.float64] = np.clip(np.minimum(edges[1:], patch + 1) - np.maximum(edges[:-1], patch), 0, None)
        return shares


@dataclass(frozen=True)
class Geometry:
    """How one image of ``width`` x ``height`` pixels lies on a grid of ``rows`` x ``cols`` patches.

    >>> huatuo = Geometry.pad(640, 480, rows=24, cols=24)
    >>> huatuo.patch_box(3, 0)  # the three rows above are padding
    (0.0, 0.0, 26.666666666666668, 26.666666666666668)
    >>> int(huatuo.patch_mask([(0, 0, 640, 480)]).sum())
    432
    """

    x: Axis
    y: Axis

    @classmethod
    def pad(cls, width: int, height: int, rows: int, cols: int) -> "Geometry":
        """The image is pasted into the middle of a square, which is then resized (LLaVA ``pad``, HuatuoGPT-Vision)."""
        _check_positive(width=width, height=height)
        side = max(width, height)
        return cls.prepared((width, height), (cols, rows), (side, side), resized=(1, 1), offset=(0, 0), extent=(1, 1))

    @classmethod
    def center_crop(cls, width: int, height: int, rows: int, cols: int, size: int) -> "Geometry":
        """The shorter edge is resized to ``size`` pixels, then the middle ``size`` x ``size`` is cut out.

        Rounds as transformers' CLIPImageProcessor does: the resized longer edge and the crop's offset are rounded down.
        """
        _check_positive(width=width, height=height, size=size)
        short = min(width, height)
        resized = (size * width // short, size * height // short)
        offset = ((size - resized[0] + 1) // 2, (size - resized[1] + 1) // 2)
        return cls.prepared((width, height), (cols, rows), (width, height), resized, offset, extent=(size, size))

    @classmethod
    def prepared(
        cls, image: Size, grid: Size, canvas: Size, resized: Size, offset: tuple[int, int], extent: Size
    ) -> "Geometry":
        """The image is pasted into the middle of a canvas, which is resized, and placed on the model's input.

        Args:
            image: Width and height in pixels; so are all lengths.
            grid: Columns and rows of patches.
            canvas: At least as large as the image; an odd pixel of padding goes behind it.
            resized: Of the canvas.
            offset: Of the resized canvas on the input; negative where it is cropped.
            extent: The part of the input, from its first pixel, that all patches together cover.
        """

        (cols, rows), (width, height) = grid, resized
        _check_positive(rows=rows, cols=cols, width=width, height=height)

        def axis(pixels: int, patches: int, canvas: int, resized: int, offset: int, extent: int) -> Axis:
            shift = ((canvas - pixels) // 2 * resized + offset * canvas) * patches
            return Axis(pixels, patches, scale=resized * patches, shift=shift, unit=canvas * extent)

        x, y = zip(image, grid, canvas, resized, offset, extent, strict=True)
        return cls(axis(*x), axis(*y))

    @classmethod
    def stretch(cls, width: int, height: int, rows: int, cols: int) -> "Geometry":
        """Each axis is resized on its own to fill the grid.

        Also what the paper's released code assumes of a padded image (``geometry="stretch"``): unless the image is
        square, boxes then land on the wrong patches.
        """
        _check_positive(width=width, height=height, rows=rows, cols=cols)
        return cls(Axis(width, cols, cols, 0, width), Axis(height, rows, rows, 0, height))

    @property
    def width(self) -> int:
        return self.x.pixels

    @property
    def height(self) -> int:
        return self.y.pixels

    @property
    def rows(self) -> int:
        return self.y.patches

    @property
    def cols(self) -> int:
        return self.x.patches

    def patch_mask(self, boxes: Iterable[Any]) -> NDArray[np.bool_]:
        """(rows, cols): the patches which the union of xyxy pixel ``boxes`` overlaps, however little.

        No patch at all if there is no box, or if a centre crop cut all of them away: for the caller to report.
        Raises ValueError for a box that ``check_box`` refuses.
        """
        mask = np.zeros((self.rows, self.cols), dtype=bool)
        for box in boxes:
            x1, y1, x2, y2 = check_box(box, self.width, self.height)
            mask[self.y.touched(y1, y2), self.x.touched(x1, x2)] = True
        return mask

    def patch_box(self, row: int, col: int) -> Box:
        """The patch as an xyxy box in original pixels; not clipped, so it may lie in the padding."""
        return self.x.to_pixel(col), self.y.to_pixel(row), self.x.to_pixel(col + 1), self.y.to_pixel(row + 1)

    def to_pixels(self, patch_map: NDArray[Any]) -> NDArray[np.float64]:
        """(rows, cols) -> (height, width): the value of the patch under each pixel's centre, NaN where cropped away."""
        patch_map = self._expect(patch_map, self.rows, self.cols)
        row, col = self.y.patch_of_pixels(), self.x.patch_of_pixels()
        seen_row, seen_col = (row >= 0) & (row < self.rows), (col >= 0) & (col < self.cols)
        pixels = np.full((self.height, self.width), np.nan)
        pixels[np.ix_(seen_row, seen_col)] = patch_map[np.ix_(row[seen_row], col[seen_col])]
        return pixels

    def mask_of_pixels(self, mask: NDArray[Any]) -> NDArray[np.float64]:
        """(height, width) -> (rows, cols): the share, 0 to 1, of each patch's area which a segmentation mask covers."""
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
