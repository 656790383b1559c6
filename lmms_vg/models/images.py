"""From whatever image a dataset holds to the 8-bit RGB pixels a vision tower was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

#: Largest image taken, in pixels: PIL's own limit for suspected decompression bombs.
MAX_PIXELS = 178_956_970


def open_rgb(image: Image.Image | str | Path) -> Image.Image:
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
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            raise ValueError("PIL's LOAD_TRUNCATED_IMAGES is on and would fill missing pixels silently; switch it off")
        picture.load()
        if picture.mode.startswith(("I", "F")):
            return _grey(picture).convert("RGB")
        return picture.convert("RGB")
    except Image.DecompressionBombError as problem:
        raise ValueError(f"image too large: {problem}") from problem
    except UnidentifiedImageError as problem:
        raise ValueError(f"not an image: {problem}") from problem
    except (OSError, SyntaxError, EOFError) as problem:
        raise ValueError(f"image is truncated or damaged: {problem}") from problem


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


def hash_pixels(images: Iterable[Image.Image]) -> str:
    """SHA-256 of sizes and RGB pixels: the same picture in another file or format has the same hash."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.width}x{image.height};".encode())
        digest.update(image.tobytes())
    return digest.hexdigest()
