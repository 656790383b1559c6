"""Convert any image of a data set to the 8-bit RGB pixels that vision towers were trained on.

These rules give one picture the same pixels however it is stored:

- Images of at most 8 bits per channel keep their values; PIL converts them (1 bit, grey, palette, CMYK, YCbCr).
- Transparency is not applied: the stored colours count, whatever their alpha.
- Greyscale of more than 8 bits, of signed integers or of floats has no white that all programs agree on. The darkest
  pixel becomes 0, the brightest 255, and the rest is scaled linearly: number type, scale and offset do not matter. A
  picture of one value becomes black. NaN and infinite pixels have no grey, so a picture with any of them is refused.
- PIL keeps the high byte of 16-bit colour, and of 16-bit grey with transparency.
- White is bright: TIFF's `PhotometricInterpretation` 0 (WhiteIsZero) is inverted, at every depth.
- The first frame of several counts. Neither EXIF rotation, since boxes refer to the stored pixels, nor colour profiles
  are applied.

Only the formats of `BYTES_PER_PIXEL` are read: the headers of others do not say how much is to be decoded, or PIL hands
them to other programs. DICOM and NIfTI are read for own questions only (`dicom.py`, `nifti.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from pathlib import Path
from threading import Lock
from typing import IO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from lmms_vg._util.error_codes import BadImage

#: Most bytes that one image may take from its opening to the vision tower's input, including its file if that is in memory.
MAX_BYTES = 500_000_000

#: Bytes per pixel of an RGB image that is kept beside its padded copy, and of what an image processor makes of one before
#: resizing. Measured as growth of the process, which is 4 for RGB and what the allocator keeps.
RGB, PROCESSED = 5, 14

#: The same per pixel of the resized copy.
RESIZED = 10

#: Format -> most bytes per pixel, measured: the copies of the decoder, as stored, and in RGB; or in RGB and processed.
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

_FORMATS = tuple(name for name in BYTES_PER_PIXEL if name != "MPO")  # PIL opens MPO as a kind of JPEG
_SCANS = (".dcm", ".dicom", ".nii", ".nii.gz")
_SMALLER = "store a smaller version (vision towers see a few hundred pixels a side)"
_decoding = Lock()
_STRIP = 1 << 18  # pixels processed together, so that no second copy of a whole image is needed
# libtiff returns values in the machine's byte order; with these raw modes PIL takes it for the file's order.
_NATIVE = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # TIFF tags
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2


@dataclass(frozen=True)
class Picture:
    """A decoded RGB image, and the SHA-256 of its size and pixels, which does not depend on the file format."""

    rgb: Image.Image
    hash: str

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return 3 * self.rgb.width * self.rgb.height


def open_picture(image: Image.Image) -> Picture:
    """Decode an image once, for all prompts about it.

    Raises:
        ValueError: As `open_rgb`.
    """
    rgb = open_rgb(image)
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height};".encode())
    for strip in _strips(rgb):
        digest.update(strip.tobytes())
    return Picture(rgb, digest.hexdigest())


def open_rgb(image: Image.Image | str | Path | IO[bytes]) -> Image.Image:
    """Decode an image fully and convert it to 8-bit RGB, by the rules of this module.

    An RGB image that is already decoded is returned unchanged.

    Raises:
        BadImage: It is no image, of a format that is not read, truncated or damaged, has no pixels or NaN pixels, or
            would take more than `MAX_BYTES`; the last is checked before decoding.
    """
    with _plain_errors(str(image)):
        picture = image if isinstance(image, Image.Image) else Image.open(image, formats=_FORMATS)
        if picture.tell():
            picture.seek(0)
    _require_small(picture, _size_of(image) if isinstance(image, BytesIO) else 0)
    with _plain_errors(), whole_images_only():
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
        # The object of a file also keeps the decoder's data.
        return picture if picture.mode == "RGB" and type(picture) is Image.Image else picture.convert("RGB")


def pad_to_square(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Centre an RGB image in a square of its longer side, as the code of LLaVA and of HuatuoGPT-Vision does."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


@contextmanager
def _plain_errors(name: str = "") -> Iterator[None]:
    """Turn any error of PIL into a BadImage: its decoders raise exceptions of every kind over damaged bytes."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        raise BadImage(f"image too large: {problem} {_SMALLER}") from problem
    except UnidentifiedImageError as problem:
        export = "; export the scan's slice as PNG or TIFF" if name.lower().endswith(_SCANS) else ""
        raise BadImage(f"not an image of a format that is read: {', '.join(BYTES_PER_PIXEL)}{export}") from problem
    except Exception as problem:
        if isinstance(problem, OSError) and problem.filename is not None:
            raise BadImage(f"{problem.filename} cannot be read ({problem.strerror})") from problem
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise BadImage(f"image is truncated or damaged: {reason}") from problem


def _require_small(picture: Image.Image, encoded: int) -> None:
    """Refuse an image without pixels, or too large to open. `encoded`: bytes of its file that are in memory."""
    size = f"image of {picture.width} x {picture.height} pixels"
    if picture.format not in (None, *BYTES_PER_PIXEL):
        raise BadImage(f"image format {picture.format}: those that are read are {', '.join(BYTES_PER_PIXEL)}")
    if not picture.width or not picture.height:
        raise BadImage(f"{size}: it has none; store it again from its source")
    per_pixel = BYTES_PER_PIXEL.get(picture.format or "", PROCESSED)
    needed = picture.width * picture.height * per_pixel + encoded
    if needed > MAX_BYTES:
        raise BadImage(
            f"{size}: it would take up to {needed / 1e6:,.0f} MB, at most {MAX_BYTES / 1e6:.0f} MB are taken "
            f"({MAX_BYTES // per_pixel:,} pixels of {picture.format or 'an image in memory'}); {_SMALLER}"
        )


@contextmanager
def whole_images_only() -> Iterator[None]:
    """Switch off PIL's LOAD_TRUNCATED_IMAGES, which lmms-eval switches on: it fills missing pixels with grey.

    There is one switch for all threads, so that one image is decoded at a time.
    """
    with _decoding:
        before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _mend_byte_order(picture: Image.Image) -> None:
    """Correct how PIL reads compressed big-endian TIFFs of signed integers and floats: it would swap their bytes."""
    if isinstance(picture, TiffImageFile):
        picture.tile = [
            tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
            if tile.codec_name == "libtiff" and isinstance(tile.args, tuple)
            else tile
            for tile in picture.tile
        ]


def _stored_as(picture: Image.Image) -> str | None:
    """Return the number type in the file if PIL's differs: PIL takes bytes as unsigned and 32-bit integers as signed."""
    samples = set(_tag(picture, _SAMPLE_FORMAT))
    if picture.mode == "L" and samples == {_SIGNED}:
        return "int8"
    if picture.mode == "I" and samples == {_UNSIGNED} and _tag(picture, _BITS) == (32,):
        return "uint32"
    return None


def _grey(picture: Image.Image, stored: str | None) -> Image.Image:
    """Scale greyscale of any number type to 8 bits. `stored` is the type in the file if PIL has another."""
    sign = -1 if _tag(picture, _PHOTOMETRIC) == (_WHITE_IS_ZERO,) else 1

    def values() -> Iterator[np.ndarray]:
        for strip in _strips(picture):
            numbers = np.asarray(strip)
            with np.errstate(invalid="ignore"):  # NaN is refused below
                numbers = (numbers if stored is None else numbers.view(stored)).astype(np.float64)
            yield numbers * sign

    ends = np.array([(strip.min(), strip.max()) for strip in values()])
    if not np.isfinite(ends).all():
        lost = sum(int((~np.isfinite(strip)).sum()) for strip in values())
        raise BadImage(
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
    before = file.tell()  # getbuffer() would copy it
    size = file.seek(0, SEEK_END)
    file.seek(before)
    return size


def _tag(picture: Image.Image, tag: int) -> tuple[int, ...]:
    """Values of a TIFF tag; empty if it is missing or the image is no TIFF."""
    value = picture.tag_v2.get(tag, ()) if isinstance(picture, TiffImageFile) else ()
    return tuple(value) if isinstance(value, tuple) else (value,)
