"""Image URIs of every source, and those that must not be opened."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from raw import png, put, put_parquet, put_zip

from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.source import DataError, DataMissing
from lmms_vg.demo.phantoms import make_phantom

Lay = Callable[[str, bytes], None]

SCHEMES = ["slake", "vgmed", "coco", "vqa_rad", "path_vqa", "pmc_vqa", "omnimedvqa", "mmmu", "medical_eval", "data"]


def test_an_image_of_anybodys_data_set(lay: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    lay("my_set/images/a.png", png(6))
    assert open_image("data:my_set/images/a.png").getpixel((0, 0)) == (6, 6, 6)
    for path in ("my_set", "my_set/images/a.png/b.png", f"my_set/{'a' * 400}.png"):
        with pytest.raises(DataMissing, match="there is no such file in"):
            open_image(f"data:{path}")
    monkeypatch.delenv("LMMS_VG_DATA")
    with pytest.raises(DataMissing, match="LMMS_VG_DATA is not set"):
        open_image("data:my_set/images/b.png")


@pytest.mark.parametrize("place", ["slake/imgs/xmlab1/source.jpg", "slake/imgs.zip:imgs/xmlab1/source.jpg"])
def test_slake_image(lay: Lay, place: str) -> None:
    lay(place, png(7))
    image = open_image("slake:xmlab1/source.jpg")
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (6, 4), (7, 7, 7))


@pytest.mark.parametrize(
    "place",
    [
        "vgmed/AMOS/a.png",
        "vgmed/images.zip:AMOS/a.png",
        "vgmed/images.zip:images/AMOS/a.png",
        "vgmed/AMOS.zip:a.png",
    ],
)
def test_vgmed_image(lay: Lay, place: str) -> None:
    lay(place, png(8))
    assert open_image("vgmed:AMOS/a.png").getpixel((0, 0)) == (8, 8, 8)


@pytest.mark.parametrize("path", ["COCO_val2014_1.jpg", "val2014/COCO_val2014_1.jpg"])
@pytest.mark.parametrize(
    "place",
    [
        "coco/val2014/COCO_val2014_1.jpg",
        "coco/COCO_val2014_1.jpg",
        "coco/val2014.zip:val2014/COCO_val2014_1.jpg",
        "vgmed/val2014/COCO_val2014_1.jpg",
    ],
)
def test_coco_image(lay: Lay, place: str, path: str) -> None:
    lay(place, png(9))
    assert open_image(f"coco:{path}").getpixel((0, 0)) == (9, 9, 9)


@pytest.mark.parametrize(
    "place", ["vqa_rad/VQA_RAD Image Folder/synpic1.jpg", "vqa_rad/VQA_RAD Image Folder.zip:synpic1.jpg"]
)
def test_vqa_rad_image(lay: Lay, place: str) -> None:
    lay(place, png(10))
    assert open_image("vqa_rad:synpic1.jpg").getpixel((0, 0)) == (10, 10, 10)


def test_path_vqa_image(data: Path) -> None:
    rows = [{"image": {"bytes": png(value), "path": None}} for value in (1, 11)]
    put_parquet(data / "path_vqa/data/test-00000-of-00001.parquet", rows)
    assert open_image("path_vqa:test/1").getpixel((0, 0)) == (11, 11, 11)


def test_demo_image_is_drawn() -> None:
    drawn = open_image("demo:hard/200003")
    assert drawn.tobytes() == make_phantom(200_003, "hard").image.tobytes()
    assert drawn.tobytes() != open_image("demo:standard/200003").tobytes()


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("slake:x.jpg", r"imgs\.zip"),
        ("vgmed:x.jpg", r"x\.jpg"),
        ("coco:x.jpg", r"val2014\.zip"),
        ("vqa_rad:x.jpg", r"VQA_RAD Image Folder\.zip"),
    ],
)
def test_missing_image_is_named(data: Path, uri: str, name: str) -> None:
    (data / "vgmed").mkdir()
    with pytest.raises(DataMissing, match=name) as caught:
        open_image(uri)
    assert "x.jpg" in str(caught.value)


def test_coco_has_no_hub_and_says_where_it_is(data: Path) -> None:
    with pytest.raises(
        DataMissing, match=r"""curl .* -o "\$LMMS_VG_DATA/coco/val2014\.zip" "http://images\.cocodataset\.org"""
    ):
        open_image("coco:x.jpg")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", ""])
def test_no_uri_leads_out_of_its_folder(data: Path, scheme: str, path: str) -> None:
    put(data / "secret.png", png())
    put_zip(data / scheme / "imgs.zip", {"../secret.png": png()})  # nor may a member of an archive
    with pytest.raises(DataError, match="leads out"):
        open_image(f"{scheme}:{path}")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_source_names_what_is_missing(data: Path, scheme: str) -> None:
    with pytest.raises(DataError, match=scheme):
        open_image(f"{scheme}:nothing/of/the/sort.jpg")


@pytest.mark.parametrize("uri", ["x.jpg", "http://host/x.jpg", "demo", "demo:soft/1", "demo:hard", "demo:hard/-1", ""])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(DataError, match="demo:"):
        open_image(uri)


def test_16_bit_images_are_scaled_not_clipped(data: Path) -> None:
    """PIL's conversion would make every value above 255 white."""
    out = BytesIO()
    Image.fromarray(np.array([[0, 1000, 2000, 4000]], dtype=np.uint16)).save(out, "png")
    put(data / "vgmed/a.png", out.getvalue())
    shown = [open_image("vgmed:a.png").getpixel((x, 0)) for x in range(4)]
    assert shown == [(value, value, value) for value in (0, 64, 128, 255)]


def test_a_truncated_image_is_refused_even_where_the_host_would_fill_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lmms-eval turns LOAD_TRUNCATED_IMAGES on for the whole process."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    out = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "jpeg")
    put(data / "vgmed/a.jpg", out.getvalue()[:-900])
    with pytest.raises(DataError, match=r"vgmed:a\.jpg: image is truncated"):
        open_image("vgmed:a.jpg")
    assert ImageFile.LOAD_TRUNCATED_IMAGES, "the host's setting is given back"


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_named(data: Path, content: bytes) -> None:
    put(data / "vgmed/a.png", content)
    with pytest.raises(DataError, match=r"vgmed:a\.png"):
        open_image("vgmed:a.png")
