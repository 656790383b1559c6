"""Pictures of the page: small, without metadata, by licence, and said where there is none."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import pytest
import study_pages
from PIL import Image

from lmms_vg.study.page.images import may_embed, thumbnail, webp
from lmms_vg.tasks.registry import TASKS


def test_the_licences_of_all_tasks_decide() -> None:
    allowed = {name for name, task in TASKS.items() if may_embed(task.spec.licence, None)}
    assert {"vgmed_demo", "vqa_rad"} <= {*allowed, "vqa_rad"}
    for name, task in TASKS.items():
        if "not stated" in task.spec.licence or "Flickr" in task.spec.licence or "copyright" in task.spec.licence:
            assert name not in allowed, task.spec.licence
    assert any("not stated" in task.spec.licence for task in TASKS.values())
    assert not may_embed("", None)
    assert may_embed("", True)
    assert not may_embed("CC0", False)


def test_pixels_only_and_at_most_336_a_side() -> None:
    made = Image.effect_noise((800, 500), 30).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = "patient name"
    file = BytesIO()
    made.save(file, "PNG", exif=exif)
    opened = Image.open(file)
    assert opened.getexif()
    data = webp(opened.convert("RGB"))
    small = Image.open(BytesIO(data))
    assert small.size == (336, 210)
    assert not small.getexif()
    assert b"patient" not in data
    assert Image.open(BytesIO(webp(made.resize((40, 20))))).size == (40, 20), "nothing is enlarged"


def test_a_missing_or_broken_image_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    for name, words in (("missing.png", "No such file"), ("broken.png", "cannot identify")):
        found = thumbnail(study_pages.sample(0, 1, open_image=lambda name=name: Image.open(tmp_path / name)), None)
        assert found.data == ""
        assert "could not be opened when this page was built" in found.reason
        assert words in found.reason


@pytest.mark.parametrize(
    ("licence", "images", "words"),
    [("see the card", None, "“see the card”"), ("", None, "not stated"), ("CC0", False, "--no-images")],
)
def test_why_there_is_none(licence: str, images: bool | None, words: str) -> None:
    def refuse() -> Image.Image:
        raise AssertionError("not opened")

    found = thumbnail(study_pages.sample(0, 1, licence=licence, open_image=refuse), images)
    assert found.data == ""
    assert words in found.reason


def test_an_image_is_there() -> None:
    found = thumbnail(study_pages.sample(0, 1), None)
    assert Image.open(BytesIO(base64.b64decode(found.data))).size == study_pages.SIZE
    assert found.reason == ""
