"""Read masks that are stored as pictures: label maps, whose values say what a pixel belongs to, and masks of one label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lmms_vg.datasets.source import DataError
from lmms_vg.vision.images import whole_images_only

_LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
_LARGEST = 100_000_000  # pixels
_WHITE = 128  # of 255: JPEG leaves grey edges around a white mask on black


def read_label_map(path: Path) -> NDArray[np.int64]:
    """Read a label map of (height, width).

    Raises:
        DataError: it cannot be read, has colours, or is stored with losses, which change values.
        OSError: there is no such file.
    """
    pixels, format_ = _pixels(path)
    if format_ == "JPEG":
        raise DataError(f"{path}: a label map as JPEG, which changes its values; allowed is {', '.join(_LOSSLESS)}")
    return whole_numbers(pixels, str(path))


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask of one label, (height, width): all pixels that are not 0; in JPEG all above half of white.

    Raises:
        DataError: it cannot be read, or has colours.
        OSError: there is no such file.
    """
    pixels, format_ = _pixels(path)
    return pixels >= _WHITE if format_ == "JPEG" else pixels != 0


def whole_numbers(values: NDArray[Any], place: str) -> NDArray[np.int64]:
    """Values of a label map as integers.

    Raises:
        DataError: one is negative, above 65,535, or no whole number.
    """
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.int64)
    wrong = values[(labels != values) | (labels < 0) | (labels > 65_535)]
    if wrong.size:
        raise DataError(f"{place}: {wrong.flat[0]:g} in a label map; allowed are whole numbers from 0 to 65535")
    return labels


def present(labels: NDArray[np.int64]) -> list[int]:
    """Return the values of a label map but 0, the background, sorted."""
    return [value for value in np.flatnonzero(np.bincount(labels.ravel())).tolist() if value]


def _pixels(path: Path) -> tuple[NDArray[Any], str]:
    """Return the single channel of a picture, and its format."""
    try:
        with whole_images_only(), Image.open(path, formats=(*_LOSSLESS, "JPEG")) as picture:
            if picture.width * picture.height > _LARGEST:
                raise DataError(f"{path}: {picture.width} x {picture.height} pixels; at most {_LARGEST:,} are read")
            pixels, format_ = np.asarray(picture), str(picture.format)
    except UnidentifiedImageError:
        raise DataError(f"{path}: no picture of a format that masks may have: {', '.join(_LOSSLESS)}, JPEG") from None
    except (DataError, FileNotFoundError):
        raise
    except Exception as problem:  # noqa: BLE001 - PIL's decoders raise exceptions of every kind over damaged bytes
        raise DataError(f"{path}: truncated or damaged ({type(problem).__name__})") from None
    if pixels.ndim == 3:
        if (pixels[..., :3] != pixels[..., :1]).any():
            raise DataError(f"{path}: a mask in colours; allowed is one channel, or a palette; convert it first")
        pixels = pixels[..., 0]
    return pixels, format_
