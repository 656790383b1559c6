"""Images that are broken, odd or too large: said clearly or decoded rightly, and nothing else is harmed."""

from __future__ import annotations

import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, Ask, encoded, opened, question
from llavas import LLAVAS
from PIL import Image, ImageFile

from lmms_vg.models import Family
from lmms_vg.vision.images import open_rgb


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_truncated_image(ask: Ask, truncated_allowed: None, kind: str) -> None:
    data = encoded(tiny.picture(3, 300, 200), kind)
    records = ask([question("cut", opened(data[: len(data) // 2]), GOOD), question("whole", opened(data), GOOD)])
    assert "truncated" in str(records["cut"].error)
    assert records["whole"].error is None
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True  # the host's setting is the host's


def test_what_is_no_image_at_all(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    path = str(tmp_path / "a.png")
    records = ask([question("html", lambda: open_rgb(path), GOOD), question("gone", lambda: open_rgb("no.png"), GOOD)])
    assert "not an image" in str(records["html"].error)
    assert "no.png" in str(records["gone"].error)


def same_as_rgb(ask: Ask, image: Callable[[], Image.Image] | Image.Image, rgb: Image.Image) -> None:
    """The image is answered, and the model sees exactly the pixels of `rgb`."""
    records = ask([question("odd", image, GOOD), question("rgb", rgb, "Is it bright?")])
    assert records["odd"].error is None
    assert records["odd"].image == records["rgb"].image


def test_cmyk_jpeg(ask: Ask) -> None:
    data = encoded(tiny.picture(3).convert("CMYK"), "JPEG")
    assert opened(data)().mode == "CMYK"
    same_as_rgb(ask, opened(data), opened(data)().convert("RGB"))


def test_palette_with_transparency(ask: Ask) -> None:
    palette = tiny.picture(3).convert("P")
    data = encoded(palette, "PNG", transparency=bytes(range(256)))
    assert "transparency" in opened(data)().info
    same_as_rgb(ask, opened(data), palette.convert("RGB"))


def test_animated_gif_gives_its_first_frame(ask: Ask) -> None:
    frames = [tiny.picture(seed).convert("P") for seed in (3, 4)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    def left_at_the_end() -> Image.Image:
        image = opened(data)()
        image.seek(1)
        return image

    same_as_rgb(ask, left_at_the_end, opened(data)().convert("RGB"))


def test_16_bit_image_is_scaled_not_clipped(ask: Ask) -> None:
    ramp = np.linspace(0, 4095, 60 * 44).reshape(44, 60).astype(np.uint16)
    grey = np.round(ramp * (255 / 4095)).astype(np.uint8)
    data = encoded(Image.fromarray(ramp), "PNG")
    assert opened(data)().mode.startswith("I")
    same_as_rgb(ask, opened(data), Image.fromarray(grey).convert("RGB"))


@pytest.mark.parametrize("family", LLAVAS)
def test_one_pixel(ask: Ask, family: str) -> None:
    """It is enlarged, so that it is answered like any red square."""
    dot, square = (question(str(side), Image.new("RGB", (side, side), "red"), GOOD) for side in (1, 32))
    records = ask([dot, square], family)
    assert records["1"].error is None
    assert records["1"].text == records["32"].text


def png_of_zeros(side: int) -> bytes:
    """A square PNG of one bit a pixel, which PIL itself would need the memory for."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side // 8 + 1) * side), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def peak() -> float:
    """Highest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])  # tasks of lmms-eval raise it for the whole process
def test_huge_image_fails_before_it_is_decoded(ask: Ask, monkeypatch: pytest.MonkeyPatch, limit: int | None) -> None:
    data = png_of_zeros(20_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    before = peak()
    records = ask([question("huge", opened(data), GOOD)])
    assert "pixels" in str(records["huge"].error)
    assert peak() - before < 0.3


@pytest.mark.parametrize(
    ("family", "geometry"),
    [("llava", "true"), ("llava", "stretch"), ("huatuo", "true"), ("huatuo", "stretch")],
)
def test_too_elongated_image(
    ask: Ask, families: dict[str, Family], monkeypatch: pytest.MonkeyPatch, family: str, geometry: str
) -> None:
    """Padded to a square, or with its short side enlarged, it would take gigabytes."""
    monkeypatch.setattr(families[family], "geometry", geometry)

    def untouched(image: Image.Image) -> torch.Tensor:
        assert max(image.size) < 1000, "the image was to be resized"
        return pixels(image)

    pixels = families[family].pixels
    monkeypatch.setattr(families[family], "pixels", untouched)
    records = ask(
        [question("long", Image.new("RGB", (150_000, 1)), GOOD), question("high", Image.new("L", (1, 150_000)), GOOD)],
        family,
    )
    assert "elongated" in str(records["long"].error)
    assert "elongated" in str(records["high"].error)


@pytest.mark.parametrize("family", LLAVAS)
@pytest.mark.parametrize("size", [(400, 4), (4, 400)])
def test_extreme_but_possible_aspect_ratio(ask: Ask, family: str, size: tuple[int, int]) -> None:
    assert ask([question("long", tiny.picture(3, *size), GOOD)], family)["long"].text
