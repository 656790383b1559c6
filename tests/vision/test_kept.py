"""An image that several questions in a row are about is opened, hashed and prepared once."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import tiny
from asking import question
from checkpoints import load
from PIL import Image, ImageFile

from lmms_vg.datasets import boxed_file, images
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vicrop import ViCrop
from lmms_vg.models.llava import Llava
from lmms_vg.tasks import documents
from lmms_vg.vision import kept
from lmms_vg.vision.images import Picture, open_picture, open_rgb
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
    tiny.picture(1).save(tmp_path / "a.png")
    tiny.picture(2).save(tmp_path / "b.png")
    pictures = KeptPictures()
    with pictures.question():
        found = images.open_image("demo:hard/200000"), boxed_file.open_image(tmp_path, "a.png")
        assert boxed_file.open_image(tmp_path, "b.png").size == found[1].size
        assert boxed_file.open_image(tmp_path, "b.png") is not found[1]
    with pictures.question():
        assert images.open_image("demo:hard/200000") is found[0]
        assert boxed_file.open_image(tmp_path, "a.png") is found[1]


def test_each_image_once_for_all_questions_tasks_and_methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images, seven questions each in two tasks, two methods: three times opened, hashed and prepared."""
    uris = [f"demo:hard/{number}" for number in (200_000, 200_001, 200_002)]
    counted: dict[str, list[Any]] = {"opened": [], "hashed": [], "prepared": []}

    def count(owner: Any, name: str, label: str) -> None:
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given: counted[label].append(given) or real(*given))

    count(images, "_open", "opened")
    count(kept, "open_picture", "hashed")
    family = load("huatuo", tiny.save(tmp_path / "checkpoint"))
    count(family, "pixels", "prepared")

    def visual(uri: str) -> Image.Image:
        (image,) = documents.visual({"images": [uri]})
        return image

    asked = [
        question(f"{uri} {task} {n}", lambda uri=uri: visual(uri), f"Is it bright? {task} {n}")
        for uri in uris
        for task in ("a", "b")
        for n in range(7)
    ]
    methods = [Plain(), ViCrop(2)]
    method_runs = [MethodRun(one, Journal(tmp_path / one.name)) for one in methods]
    with closing(Answerer(family, method_runs[:1])) as answerer:
        assert [record.error for _, record in answerer.answer(asked)] == [None] * 42
    assert {label: len(calls) for label, calls in counted.items()} == dict.fromkeys(counted, 3)
    for calls in counted.values():
        calls.clear()
    with closing(Answerer(family, method_runs)) as answerer:
        list(answerer.answer(asked))
    assert [one.counts.answered for one in method_runs] == [42, 42]
    whole = images.phantoms.draw("hard/200000").size
    counted["prepared"] = [
        image for (image,) in counted["prepared"] if image.size == whole
    ]  # ViCrop's others are crops
    assert {label: len(calls) for label, calls in counted.items()} == dict.fromkeys(counted, 3)


def test_pixels_are_those_of_prompts_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = load("huatuo", tiny.save(tmp_path / "checkpoint"))
    assert isinstance(family, Llava)
    times: list[Any] = []
    real = family.pixels
    monkeypatch.setattr(family, "pixels", lambda image: times.append(1) or real(image))
    first, second = (open_picture(tiny.picture(seed)) for seed in (1, 2))

    def asked(*pictures: Picture) -> Any:
        return family.prompt([*pictures, "Is it bright?"]).pixel_values

    one, two = asked(first), asked(second)
    assert asked(first) is one
    assert len(times) == 2
    both = asked(first, second)
    assert both.tolist() == [*one.tolist(), *two.tolist()]
    assert asked(first, second) is both
    assert asked(second, first).tolist() == [*two.tolist(), *one.tolist()]
    assert len(times) == 2
    del one, two, both
    asked(second)
    asked(second)
    assert len(times) == 3, "those of the last prompt are kept, though it is gone"
    asked(first)
    asked(second)
    assert len(times) == 5


class Slow(Image.Image):
    """An image whose decoding waits for `go_on` and then notes PIL's switch; later it is loaded again, without effect."""

    def __init__(self, begun: threading.Event, go_on: threading.Event) -> None:
        super().__init__()
        drawn = tiny.picture(1)
        self.im, self._mode, self._size = drawn.im, drawn.mode, drawn.size
        self._begun, self._go_on, self.fills = begun, go_on, list[bool]()

    def load(self) -> Any:
        self._begun.set()
        assert self._go_on.wait(30)
        self.fills.append(ImageFile.LOAD_TRUNCATED_IMAGES)
        return super().load()


def test_two_threads_decode_whole_images_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ends while the second decodes, and restores PIL's switch, which is one for all threads."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    first_begun, second_begun, first_may, second_may = (threading.Event() for _ in range(4))
    first, second = Slow(first_begun, first_may), Slow(second_begun, second_may)
    one, two = (threading.Thread(target=open_rgb, args=(image,), daemon=True) for image in (first, second))
    one.start()
    assert first_begun.wait(30)
    two.start()
    second_begun.wait(0.2)  # where nothing holds it back
    first_may.set()
    one.join(30)
    second_may.set()
    two.join(30)
    assert (first.fills[0], second.fills[0], ImageFile.LOAD_TRUNCATED_IMAGES) == (False, False, True)
