"""Memory that one image takes, opened and made into a prompt, measured in separate processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tiny
import warm
from PIL import Image
from png import png
from tiff import tiff

from lmms_vg.vision.images import BYTES_PER_PIXEL, MAX_BYTES, PROCESSED

PEAK = """
import os, resource, sys
from io import BytesIO
from PIL import Image
from lmms_vg.vision.images import open_picture, open_rgb

def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux getrusage begins at the peak of the parent process.
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
"""

#: Each file in a process of its own, which is forked from one with the modules imported, and begins at what that has.
OPEN = (
    PEAK
    + """
Image.init()
for mode in ("RGB", "F"):
    open_picture(Image.new(mode, (9, 8)))
for path in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        data = open(path, "rb").read()
        before = peak() - len(data)
        picture = open_picture(open_rgb(BytesIO(data)))
        print(peak() - before, picture.rgb.width * picture.rgb.height, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, path
"""
)

PROMPT = (
    PEAK
    + """
import torch
from lmms_vg.models import FAMILIES

torch.set_num_threads(1)
family = FAMILIES[sys.argv[1]].load(sys.argv[2], None, torch.float32, "cpu", None, "true")
family.prompt([open_picture(Image.linear_gradient("L")), "What?"])
before = peak()
for path in sys.argv[3:]:
    data = open(path, "rb").read()
    try:
        family.prompt([open_picture(open_rgb(BytesIO(data))), "What?"])
        print("taken", peak() - before)
    except ValueError:
        print("refused", peak() - before)
"""
)
#: Bytes for strips, for the fixed part of a decoder, and for memory that the interpreter takes for the first time.
SPARE = 12_000_000


class Opened(NamedTuple):
    """A file, the bytes by which the peak grows while it is opened, and its number of pixels."""

    path: Path
    peak: int
    pixels: int


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


#: Side, in pixels, of a square PNG just below the limit.
LARGEST = 5970

LARGE: dict[str, Callable[[], bytes]] = {
    "1 bit": lambda: png(LARGEST, LARGEST, 1, 0),
    "16 bits, large": lambda: png(LARGEST, LARGEST, 16, 0),
    "with transparency": lambda: png(LARGEST, LARGEST, 8, 6),
    "float": lambda: tiff(np.zeros((4980, 5000), "<f4"), packed=False),
    "packed float": lambda: tiff(np.zeros((5500, 5600), "<f4"), packed=True),
}


@pytest.fixture(scope="module")
def opened(programs: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Opened]:
    """What every image takes."""
    folder = tmp_path_factory.mktemp("images")
    making = {name: make for name, (_, make) in COSTLY.items()} | LARGE
    paths = [folder / name for name in making]
    for path, make in zip(paths, making.values(), strict=True):
        path.write_bytes(make())
    run = subprocess.run([sys.executable, "-c", OPEN, *paths], capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    return {path.name: Opened(path, *map(int, line.split())) for path, line in zip(paths, lines, strict=True)}


@pytest.mark.parametrize("name", COSTLY)
def test_no_pixel_costs_more_than_its_format_says(opened: dict[str, Opened], name: str) -> None:
    kind, _ = COSTLY[name]
    path, peak, pixels = opened[name]
    with Image.open(path) as image:
        assert image.format == kind
    assert pixels == SIDE * SIDE
    assert peak <= BYTES_PER_PIXEL[kind] * pixels + path.stat().st_size + SPARE


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_that_are_taken_stay_within_the_limit(opened: dict[str, Opened], name: str) -> None:
    assert 0.99 * MAX_BYTES < PROCESSED * LARGEST**2 <= MAX_BYTES
    assert opened[name].peak <= MAX_BYTES + SPARE


PROMPTED = {
    "llava": ([(LARGEST, LARGEST), (3_000, 11_800), (10, 150_000)], [(7_000, 7_000), (10, 250_000)]),
    "huatuo": ([(LARGEST, LARGEST), (5_120, 5_128), (580, 5_840)], [(7_000, 7_000), (700, 7_000), (5_400, 5_300)]),
}
"""Sizes that are just taken, and such as are not: squares, elongated ones that are padded or resized to much more.

The most elongated one is last: the allocator keeps some of it, which would count with the next.
"""


@pytest.mark.e2e
@pytest.mark.parametrize("family", PROMPTED)
def test_a_prompt_stays_within_the_limit(tmp_path: Path, family: str) -> None:
    """Whatever is taken is opened, padded, resized and cropped."""
    tiny.save(tmp_path / "model")
    taken, refused = PROMPTED[family]
    files = [tmp_path / f"{width}x{height}.png" for width, height in (*taken, *refused)]
    for file, (width, height) in zip(files, (*taken, *refused), strict=True):
        file.write_bytes(png(width, height, 8, 2))
    command = [warm.programs() / "python", "-c", PROMPT, family, str(tmp_path / "model"), *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    results = [line.split() for line in run.stdout.splitlines()]
    assert [result for result, _ in results] == ["taken"] * len(taken) + ["refused"] * len(refused)
    peaks = [int(peak) for _, peak in results]
    assert 0.7 * MAX_BYTES < max(peaks) <= MAX_BYTES + SPARE, peaks  # how much less depends on transformers
