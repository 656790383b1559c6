"""From whatever image a dataset holds to the 8-bit RGB pixels a vision tower was trained on.

Rules, so that one picture gives the same pixels however it is stored:

- Images of 8 bits a channel and less keep their values; PIL converts them (1 bit, grey, palette, CMYK, YCbCr).
- Transparency is not applied: the stored colours count, under every alpha.
- Greyscale of more than 8 bits, signed or float has no white that all programs agree on. Its darkest pixel becomes 0, its
  brightest 255, everything between lies on a line: neither the number type nor the scale nor the offset matters. A picture
  of one value becomes black. NaN and infinite pixels have no grey, so a picture that has any is refused.
- Of 16-bit colour and of 16-bit grey with transparency PIL keeps the high byte.
- White is bright: TIFF's `PhotometricInterpretation` 0 (WhiteIsZero) is turned over, at every depth.
- The first frame of several counts. EXIF rotation is not applied, since boxes refer to the stored pixels; nor are colour
  profiles.

Only the formats of `BYTES_PER_PIXEL` are read: of others the header does not say how much is to be decoded, or they are
handed to other programs. DICOM and NIfTI are not read, so MONOCHROME1 is for whoever exports them to turn over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

#: Bytes that one image may take from its opening to the vision tower's input, its file included where that is in memory.
MAX_BYTES = 500_000_000

#: Bytes a pixel of an RGB image takes, and with what an image processor makes of it before it is resized. Measured.
RGB, PROCESSED = 4, 14

#: The same for a pixel of the resized copy.
RESIZED = 10

#: Format -> bytes a pixel takes at most: as the decoder keeps it, as stored, and as RGB; or as RGB and processed. Measured.
BYTES_PER_PIXEL = {
    "AVIF": 25,
    "BMP": PROCESSED,
    "DIB": PROCESSED,
    "GIF": PROCESSED,
    "JPEG": PROCESSED,
    "JPEG2000": 25,
    "MPO": PROCESSED,
    "PNG": PROCESSED,
    "PPM": PROCESSED,
    "TIFF": 16,
    "WEBP": 16,
}

_FORMATS = tuple(name for name in BYTES_PER_PIXEL if name != "MPO")  # which PIL opens as a kind of JPEG
_SMALLER = "store a smaller version (vision towers see a few hundred pixels a side)"
_STRIP = 1 << 18  # pixels looked at together, so that nothing of an image's size is needed beside it
# What libtiff hands over is in the machine's byte order; PIL takes it for the file's with these of its raw modes.
_NATIVE = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # tags of TIFF
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2


@dataclass(frozen=True)
class Picture:
    """A decoded RGB image and the SHA-256 of its size and pixels (the same for the same picture in another format)."""

    rgb: Image.Image
    hash: str


def open_picture(image: Image.Image) -> Picture:
    """Decode an image once, for all prompts about it; raises as `open_rgb` does."""
    rgb = open_rgb(image)
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height};".encode())
    for strip in _strips(rgb):
        digest.update(strip.tobytes())
    return Picture(rgb, digest.hexdigest())


def open_rgb(image: Image.Image | str | Path | IO[bytes]) -> Image.Image:
    """Decode an image fully and convert it to 8-bit RGB, by the rules of this module.

    An RGB image that is decoded already is returned itself.

    Raises:
        ValueError: not an image, of a format that is not read, truncated or damaged, without a pixel, with NaN pixels, or
            one that would take more than `MAX_BYTES`; the last is found before it is decoded.
    """
    with _plain_errors():
        picture = image if isinstance(image, Image.Image) else Image.open(image, formats=_FORMATS)
        if picture.tell():
            picture.seek(0)
    _require_small(picture, _size_of(image) if isinstance(image, BytesIO) else 0)
    with _plain_errors(), _whole_images_only():
        _mend_byte_order(picture)
        picture.load()
    stored = _stored_as(picture)
    if stored is not None or picture.mode.startswith(("I", "F")):
        picture = _grey(picture, stored)
    with _plain_errors():
        if picture.mode in ("La", "RGBa"):  # colours multiplied by their alpha
            picture = picture.convert(picture.mode.upper())
        elif "transparency" in picture.info:  # PIL warns unless the transparent colour goes through RGBA
            picture = picture.convert("RGBA")
        # A file's own object keeps what it was decoded with.
        return picture if picture.mode == "RGB" and type(picture) is Image.Image else picture.convert("RGB")


def pad_to_square(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Centre an RGB image in a square of its longer side, as LLaVA's and HuatuoGPT-Vision's own code does."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Whatever PIL raises becomes a ValueError: its decoders meet damaged bytes with exceptions of every kind."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        raise ValueError(f"image too large: {problem} {_SMALLER}") from problem
    except UnidentifiedImageError as problem:
        raise ValueError(
            f"not an image of a format that is read: {', '.join(BYTES_PER_PIXEL)}. Export others (DICOM, NIfTI) as PNG or TIFF"
        ) from problem
    except Exception as problem:
        if isinstance(problem, OSError) and problem.filename is not None:
            raise ValueError(f"{problem.filename}: cannot be read ({problem.strerror})") from problem
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ValueError(f"image is truncated or damaged: {reason}") from problem


def _require_small(picture: Image.Image, encoded: int) -> None:
    """Raises ValueError if there is nothing to open, or too much. `encoded`: bytes of its file that are in memory."""
    size = f"image of {picture.width} x {picture.height} pixels"
    if picture.format not in (None, *BYTES_PER_PIXEL):
        raise ValueError(f"image format {picture.format}: those that are read are {', '.join(BYTES_PER_PIXEL)}")
    if not picture.width or not picture.height:
        raise ValueError(f"{size}: it has none; store it again from its source")
    each = BYTES_PER_PIXEL.get(picture.format or "", PROCESSED)
    needed = picture.width * picture.height * each + encoded
    if needed > MAX_BYTES:
        raise ValueError(
            f"{size}: it would take up to {needed / 1e6:,.0f} MB, at most {MAX_BYTES / 1e6:.0f} MB are taken "
            f"({MAX_BYTES // each:,} pixels of {picture.format or 'an image in memory'}); {_SMALLER}"
        )


@contextmanager
def _whole_images_only() -> Iterator[None]:
    """lmms-eval switches on PIL's LOAD_TRUNCATED_IMAGES, which fills missing pixels with grey; not for a measurement."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _mend_byte_order(picture: Image.Image) -> None:
    """Compressed big-endian TIFFs of signed integers and floats would be read with their bytes swapped."""
    if isinstance(picture, TiffImageFile):
        picture.tile = [
            tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in picture.tile
        ]


def _stored_as(picture: Image.Image) -> str | None:
    """The number type in the file where PIL's own differs: it takes bytes as unsigned and 32-bit integers as signed."""
    samples = set(_tag(picture, _SAMPLE_FORMAT))
    if picture.mode == "L" and samples == {_SIGNED}:
        return "int8"
    if picture.mode == "I" and samples == {_UNSIGNED} and _tag(picture, _BITS) == (32,):
        return "uint32"
    return None


def _grey(picture: Image.Image, stored: str | None) -> Image.Image:
    """Greyscale of any number type, stretched to 8 bits. `stored` is its type where PIL has another."""
    sign = -1 if _tag(picture, _PHOTOMETRIC) == (_WHITE_IS_ZERO,) else 1

    def values() -> Iterator[np.ndarray]:
        for strip in _strips(picture):
            numbers = np.asarray(strip)
            with np.errstate(invalid="ignore"):  # of NaN, which is refused below
                numbers = (numbers if stored is None else numbers.view(stored)).astype(np.float64)
            yield numbers * sign

    ends = np.array([(strip.min(), strip.max()) for strip in values()])
    if not np.isfinite(ends).all():
        lost = sum(int((~np.isfinite(strip)).sum()) for strip in values())
        raise ValueError(
            f"image has {lost:,} NaN or infinite pixels of {picture.width * picture.height:,}, which have no grey; "
            "replace them by a number, such as that of the background"
        )
    low, high = float(ends.min()), float(ends.max())
    scale = 255 / (high - low) if high > low else 0.0
    return Image.fromarray(np.concatenate([((strip - low) * scale).round().astype(np.uint8) for strip in values()]))


def _strips(picture: Image.Image) -> Iterator[Image.Image]:
    rows = max(_STRIP // picture.width, 1)
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _size_of(file: BytesIO) -> int:
    before = file.tell()  # asking for its buffer would copy it
    size = file.seek(0, SEEK_END)
    file.seek(before)
    return size


def _tag(picture: Image.Image, tag: int) -> tuple[int, ...]:
    """A tag of a TIFF, empty for other images and where it is not there."""
    value = picture.tag_v2.get(tag, ()) if isinstance(picture, TiffImageFile) else ()
    return tuple(value) if isinstance(value, tuple) else (value,)
