"""The image of a frame is written as pixels and nothing else, with one channel if it is grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import vgmed_sources as sources
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.dataset import read


@pytest.mark.parametrize(("colour", "mode"), [(0, "L"), (1, "RGB"), (2, "RGB")])
def test_pixels_and_nothing_else(tmp_path: Path, colour: int, mode: str) -> None:
    pixels = np.repeat(np.random.default_rng(0).integers(0, 255, (30, 40, 1), np.uint8), 3, axis=2)
    if colour:
        pixels[7, 9, colour] ^= 1  # one pixel is not grey
    words = PngInfo()
    words.add_text("Patient", "Doe^Jane")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "Doe^Jane"
    path = tmp_path / "a" / "images" / "p.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(pixels).save(path, pnginfo=words, icc_profile=profile, exif=exif, dpi=(72, 72))
    assert {"icc_profile", "exif", "Patient"} <= Image.open(path).info.keys()
    labels = np.zeros((30, 40), np.uint8)
    labels[5:15, 4:20] = 1
    sources.picture(tmp_path / "a" / "masks" / "p.png", labels)
    build([sources.manifest(tmp_path / "a" / "a.yaml")], tmp_path / "out", name="made", seed=0, most=None)
    made = read(tmp_path / "out")
    (item,) = made.items.values()
    written = Image.open(made.image_path(item))
    written.load()
    assert (written.mode, written.info) == (mode, {})
    assert (np.asarray(written.convert("RGB")) == pixels).all()
