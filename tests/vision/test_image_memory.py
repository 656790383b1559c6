"""Memory that opening one image takes, measured in a separate process for each image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from png import png
from tiff import tiff

from lmms_vg.vision.images import BYTES_PER_PIXEL, MAX_BYTES, MAX_PIXELS

MEASURE = """
import resource, sys
from io import BytesIO
from PIL import Image
from lmms_vg.vision.images import open_picture, open_rgb, pad_to_square

def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux getrusage begins at the peak of the parent process.
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

Image.init()
for mode in ("RGB", "F"):
    pad_to_square(open_picture(Image.new(mode, (9, 8))).rgb, (0, 0, 0))
data = open(sys.argv[1], "rb").read()
before = peak() - (len(data) if sys.argv[2] == "with file" else 0)
picture = open_picture(open_rgb(BytesIO(data)))
del data
square = pad_to_square(picture.rgb, (0, 0, 0)) if sys.argv[2] == "padded" else None
print(peak() - before, picture.rgb.width * picture.rgb.height)
"""
#: Bytes for strips, for the fixed part of a decoder, and for memory that the interpreter takes for the first time.
SPARE = 12_000_000


def cost(path: Path, how: str = "with file") -> tuple[int, int]:
    """Bytes by which the peak grows while a file is opened, and the number of its pixels."""
    run = subprocess.run([sys.executable, "-c", MEASURE, str(path), how], capture_output=True, text=True, check=True)
    peak, pixels = map(int, run.stdout.split())
    return peak, pixels


SIDE = 1500


def picture(mode: str) -> Image.Image:
    band = Image.fromarray((np.add.outer(np.arange(SIDE), np.arange(SIDE)) // 7 % 256).astype(np.uint8))
    return Image.merge(mode, [band, band.transpose(Image.Transpose.FLIP_LEFT_RIGHT), band, band][: len(mode)])


def saved(mode: str, kind: str, **options: object) -> bytes:
    out = BytesIO()
    picture(mode).save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def palette() -> bytes:
    out = BytesIO()
    picture("RGB").quantize(64).save(out, "PNG", transparency=bytes(range(64)))
    return out.getvalue()


def deep(kind: str, packed: bool) -> bytes:
    return tiff(np.asarray(picture("RGB").getchannel(0)).astype(kind), packed=packed)


COSTLY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "colours of a palette": ("PNG", palette),
    "16 bits": ("PNG", lambda: png(SIDE, SIDE, 16, 0)),
    "16-bit colour with transparency": ("PNG", lambda: png(SIDE, SIDE, 16, 6)),
    "progressive CMYK": ("JPEG", lambda: saved("CMYK", "JPEG", progressive=True, subsampling=0)),
    "JPEG2000 with transparency": ("JPEG2000", lambda: saved("RGBA", "JPEG2000")),
    "lossless WebP": ("WEBP", lambda: saved("RGBA", "WEBP", lossless=True, method=0, quality=0)),
    "AVIF with transparency": ("AVIF", lambda: saved("RGBA", "AVIF", speed=10, subsampling="4:4:4")),
    "float in one strip": ("TIFF", lambda: deep("<f4", True)),
    "integers as they are": ("TIFF", lambda: deep("<u4", False)),
    "colour in one strip": ("TIFF", lambda: saved("RGBA", "TIFF", compression="tiff_lzw", strip_size=1 << 30)),
    "animation": ("GIF", lambda: saved("L", "GIF", save_all=True, append_images=[picture("L")])),
    "bitmap": ("BMP", lambda: saved("RGBA", "BMP")),
    "pixmap": ("PPM", lambda: saved("RGB", "PPM")),
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", COSTLY)
def test_no_pixel_costs_more_than_its_format_says(tmp_path: Path, name: str) -> None:
    kind, make = COSTLY[name]
    (tmp_path / "image").write_bytes(make())
    with Image.open(tmp_path / "image") as image:
        assert image.format == kind
    size = (tmp_path / "image").stat().st_size
    peak, pixels = cost(tmp_path / "image")
    assert pixels == SIDE * SIDE
    assert peak <= BYTES_PER_PIXEL[kind] * pixels + size + SPARE


#: Side, in pixels, of a square PNG just below the limit.
LARGEST = 7000


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("data", "how"),
    [
        (lambda: png(LARGEST, LARGEST, 1, 0), "with file"),
        (lambda: png(LARGEST, LARGEST, 16, 0), "with file"),
        (lambda: png(LARGEST, LARGEST, 8, 6), "with file"),
        (lambda: png(LARGEST, LARGEST - 1, 8, 2), "padded"),
        (lambda: png(1, LARGEST, 8, 2), "padded"),
        (lambda: tiff(np.zeros((4980, 5000), "<f4"), packed=False), "with file"),
        (lambda: tiff(np.zeros((5500, 5600), "<f4"), packed=True), "with file"),
    ],
)
def test_the_largest_that_are_taken_stay_within_the_limit(tmp_path: Path, data: Callable[[], bytes], how: str) -> None:
    assert 0.97 * MAX_PIXELS < LARGEST**2 <= MAX_PIXELS
    (tmp_path / "image").write_bytes(data())
    peak, _ = cost(tmp_path / "image", how)
    assert peak <= MAX_BYTES + SPARE
