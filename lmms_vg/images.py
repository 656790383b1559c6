"""From whatever image a dataset holds to the 8-bit RGB pixels a vision tower was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

#: Largest image taken, in pixels: PIL's own limit for suspected decompression bombs.
MAX_PIXELS = 178_956_970


@dataclass(frozen=True)
class Picture:
    """A decoded RGB image and the SHA-256 of its size and pixels (the same for the same picture in another format)."""

    rgb: Image.Image
    hash: str


def open_picture(image: Image.Image) -> Picture:
    """Decode an image once, for all prompts about it; raises as `open_rgb` does."""
    rgb = open_rgb(image)
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height};".encode())
    digest.update(rgb.tobytes())
    return Picture(rgb, digest.hexdigest())


def open_rgb(image: Image.Image | str | Path | IO[bytes]) -> Image.Image:
    """Decode an image fully and convert it to RGB.

    Animated images give their first frame. 16-bit, 32-bit and float greyscale (what DICOM and NIfTI exports hold) is
    scaled linearly from its own minimum and maximum to 0..255, unless it already lies in 0..255: PIL's own conversion
    would clip everything above 255 to white. EXIF rotation is not applied, since boxes refer to the stored pixels.

    Raises:
        ValueError: not an image, truncated, or larger than `MAX_PIXELS`.
    """
    try:
        picture = image if isinstance(image, Image.Image) else Image.open(image)
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(
                f"image of {picture.width} x {picture.height} pixels: at most {MAX_PIXELS:,} pixels are taken; "
                "store a smaller version (vision towers see a few hundred pixels a side)"
            )
        if getattr(picture, "n_frames", 1) > 1:
            picture.seek(0)
        with _whole_images_only():
            picture.load()
        if picture.mode.startswith(("I", "F")):
            return _grey(picture).convert("RGB")
        if "transparency" in picture.info:  # PIL warns unless the transparent colour goes through RGBA
            picture = picture.convert("RGBA")
        return picture.convert("RGB")
    except Image.DecompressionBombError as problem:
        raise ValueError(f"image too large: {problem}") from problem
    except UnidentifiedImageError as problem:
        raise ValueError(f"not an image: {problem}") from problem
    except (OSError, SyntaxError, EOFError) as problem:
        raise ValueError(f"image is truncated or damaged: {problem}") from problem


@contextmanager
def _whole_images_only() -> Iterator[None]:
    """lmms-eval switches on PIL's LOAD_TRUNCATED_IMAGES, which fills missing pixels with grey; not for a measurement."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _grey(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float64)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if not np.isfinite([low, high]).all() or np.isnan(values).any():
        raise ValueError("image has NaN or infinite pixels")
    if low < 0 or high > 255:
        values = (values - low) * (255.0 / max(high - low, 1.0))
    return Image.fromarray(values.round().astype(np.uint8))


def pad_to_square(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Centre an RGB image in a square of its longer side, as LLaVA's and HuatuoGPT-Vision's own code does."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
