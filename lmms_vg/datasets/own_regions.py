"""The region of an own question in its image: its boxes, or the boxes that tile its mask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg._util.error_codes import CodedError
from lmms_vg.datasets.mask_boxes import tiles
from lmms_vg.datasets.own_images import open_view, slice_of, view_of
from lmms_vg.datasets.own_rows import OwnRow
from lmms_vg.datasets.source import DataError
from lmms_vg.vision.images import whole_images_only
from lmms_vg.vision.nifti import is_nifti, read_volume, require_same_grid
from lmms_vg.vision.run_lengths import from_runs, runs_of

_WHITE = 128  # of 255: JPEG leaves grey edges around a white mask on black


def region_of(row: OwnRow, folder: Path) -> list[list[float]]:
    """Boxes (x1, y1, x2, y2 in pixels) of a row; those of a mask tile its pixels and do not overlap.

    Raises:
        DataError: the mask is not there, cannot be read, is empty, or has another size than the image.
    """
    if row.mask is None:
        return row.bbox
    try:
        mask = _of_run_lengths(row.mask, _size(row, folder)) if isinstance(row.mask, dict) else _of_file(row, folder)
    except CodedError as problem:
        raise DataError(f"mask: {problem}") from problem
    if not mask.any():
        raise DataError("mask: it is empty, so it marks no region; leave the key out if there is none")
    return tiles(mask.astype(np.uint8))[1]


def labels_of(row: OwnRow, folder: Path) -> int:
    """Return the number of values or colours of a row's mask beside 0, which a label map has several of; 0 if it is no file.

    Raises:
        DataError: as `region_of`.
    """
    if not isinstance(row.mask, str):
        return 0
    path = folder / row.mask
    if is_nifti(path):
        return len(np.setdiff1d(slice_of(read_volume(path, row.orientation), row.plane, row.slice), [0]))
    pixels = _pixels(path)
    colours = np.unique(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1), axis=0)
    return int(np.any(colours, axis=1).sum())


def _of_file(row: OwnRow, folder: Path) -> NDArray[np.bool_]:
    path = folder / str(row.mask)
    if not os.path.isfile(path):
        raise DataError(f"{path}: there is no such file")
    if is_nifti(path):
        return _of_volume(row, path, folder / row.image)
    mask, wanted = _pixels(path), _size(row, folder)
    if mask.shape[1::-1] != wanted:
        raise DataError(f"{path} has {_words(mask.shape[1::-1])}, but its image {row.image} has {_words(wanted)}")
    marked: NDArray[np.bool_] = np.any(mask.reshape(*mask.shape[:2], -1), axis=2)
    return marked


def _pixels(path: Path) -> NDArray[Any]:
    """Return the colours of a picture, (height, width, 3), or its numbers, (height, width); of JPEG, what is white."""
    try:
        with whole_images_only(), Image.open(path) as picture:
            if picture.format == "JPEG":
                return np.asarray(picture.convert("L")) >= _WHITE
            if picture.mode == "P":
                return _indices(path, picture)
            if picture.mode.startswith(("I", "F")):
                return np.asarray(picture)
            return _opaque(picture)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError) as problem:  # PIL raises all of these over damaged bytes
        raise DataError(f"{path}: truncated or damaged ({problem})") from None


def _indices(path: Path, picture: Image.Image) -> NDArray[Any]:
    """Return the numbers of a picture with a palette, whose 0 is the background.

    Raises:
        DataError: the colours say otherwise.
    """
    indices, colours = np.asarray(picture), _opaque(picture)
    if colours[indices == 0].any():
        raise DataError(f"{path}: 0 in its palette is not black, so what it marks is not clear; save it in grey")
    return indices


def _opaque(picture: Image.Image) -> NDArray[Any]:
    """Return the colours of a picture, black where it is transparent."""
    pixels = np.array(picture.convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels[..., :3]


def _of_volume(row: OwnRow, path: Path, image: Path) -> NDArray[np.bool_]:
    if not is_nifti(image):
        raise DataError(f"{path.name} is a volume, but its image {row.image} is none; export the slice of the mask")
    mask = read_volume(path, row.orientation)
    require_same_grid(read_volume(image, row.orientation), mask)
    marked: NDArray[np.bool_] = slice_of(mask, row.plane, row.slice) != 0
    return marked


def _of_run_lengths(mask: dict[str, Any], wanted: tuple[int, int]) -> NDArray[np.bool_]:
    """COCO's RLE: runs of 0 and 1 by turns, column by column, as a list or in COCO's text."""
    size, counts = mask.get("size"), mask.get("counts")
    if not isinstance(size, list) or [*map(type, size)] != [int, int] or not isinstance(counts, str | list):
        raise DataError(
            f'{mask!r:.80}: allowed is the path of a PNG, or COCO\'s {{"size": [height, width], "counts": ...}}'
        )
    if (size[1], size[0]) != wanted:
        raise DataError(f"it has {_words((size[1], size[0]))}, but its image has {_words(wanted)}")
    try:
        runs = counts if isinstance(counts, list) else runs_of(counts)
    except ValueError as problem:
        raise DataError(f"its counts are no run lengths of COCO ({problem})") from problem
    try:
        return from_runs(runs, size)
    except ValueError as problem:
        raise DataError(f"its counts do not add up to its {size[0] * size[1]:,} pixels") from problem


def _size(row: OwnRow, folder: Path) -> tuple[int, int]:
    """Width and height of a row's image."""
    path = folder / row.image
    if not view_of(row):
        try:
            with Image.open(path) as picture:
                return picture.size
        except OSError:  # a scan, or no image at all, which opening it says
            pass
    return open_view(path, view_of(row)).size


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} pixels"
