"""An image that several questions in a row are about is opened and hashed once."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from PIL import Image

from lmms_vg.datasets import images
from lmms_vg.vision.images import open_picture
from lmms_vg.vision.kept import KeptPictures, opened, picture_of


class Opening:
    """Opens a picture of its own at every call, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Image.Image:
        self.times += 1
        return tiny.picture(1)


def test_the_next_question_gets_the_same_picture() -> None:
    opening, pictures = Opening(), KeptPictures()
    found = []
    for _ in range(3):
        with pictures.question():
            found.append(picture_of(opened("a", opening)))
    assert (found[0] is found[1], found[1] is found[2], opening.times) == (True, True, 1)
    assert found[0] == open_picture(tiny.picture(1))


def test_a_question_with_several_images_and_another_order() -> None:
    first, second, pictures = Opening(), Opening(), KeptPictures()
    with pictures.question():
        one, two = opened("a", first), opened("b", second)
    with pictures.question():
        assert opened("b", second) is two
        assert opened("a", first) is one
        assert opened("a", first) is one
    assert (first.times, second.times) == (1, 1)


def test_only_the_question_before_counts() -> None:
    """So that the images of a run do not add up in memory."""
    opening, pictures = Opening(), KeptPictures()
    for name in ("a", "b", "a"):
        with pictures.question():
            opened(name, opening)
    assert opening.times == 3


def test_outside_a_question_nothing_is_kept() -> None:
    opening, pictures = Opening(), KeptPictures()
    with pictures.question():
        inside = opened("a", opening)
    assert opened("a", opening) is not inside
    assert picture_of(inside) is not picture_of(inside)
    assert opening.times == 2


def test_an_image_that_has_no_name_is_hashed_anew() -> None:
    """Its owner may have changed it."""
    pictures, image = KeptPictures(), tiny.picture(1)
    with pictures.question():
        before = picture_of(image).hash
    image.putpixel((0, 0), (1, 2, 3))
    with pictures.question():
        assert picture_of(image).hash == open_picture(image).hash != before


def test_what_cannot_be_opened_is_tried_again() -> None:
    pictures, attempts = KeptPictures(), []

    def broken() -> Image.Image:
        attempts.append(1)
        raise OSError("torn")

    for _ in range(2):
        with pytest.raises(OSError, match="torn"), pictures.question():
            opened("a", broken)
    assert len(attempts) == 2


def test_a_data_set_and_a_file_of_ones_own_open_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.jsonl").touch()
    monkeypatch.setenv("LMMS_VG_OWN", str(tmp_path / "mine.jsonl"))
    tiny.picture(1).save(tmp_path / "a.png")
    tiny.picture(2).save(tmp_path / "b.png")
    pictures = KeptPictures()
    with pictures.question():
        found = images.open_image("demo:hard/200000"), images.open_image("own:mine/a.png")
        assert images.open_image("own:mine/b.png").size == found[1].size
        assert images.open_image("own:mine/b.png") is not found[1]
    with pictures.question():
        assert images.open_image("demo:hard/200000") is found[0]
        assert images.open_image("own:mine/a.png") is found[1]
