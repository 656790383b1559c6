"""Controls: the same question with less to see, or with something else to see.

A control changes a question before any method gets it, so it combines with every family, method and task. If a question
cannot be changed by a control, opening its images raises the reason, and this question alone fails, with a code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from PIL import Image

from lmms_vg._util.error_codes import NoBoxes, NoControl
from lmms_vg._util.suggest import suggest
from lmms_vg.inference.question import Message, Question
from lmms_vg.vision.elsewhere import Rect, moved
from lmms_vg.vision.filling import blank, filled, pixels_of
from lmms_vg.vision.kept import picture_of


@dataclass(frozen=True)
class ImageControl:
    """A control.

    Attributes:
        name: as `--control` takes it.
        about: what it does to a question.
        message: the message that is asked in place of the question's own.
        keeps_boxes: whether the annotated boxes still belong to what is shown.
        needs_boxes: whether only questions with annotated boxes can be asked.
    """

    name: str
    about: str
    message: Callable[[Question], Message]
    keeps_boxes: bool = True
    needs_boxes: bool = False

    def of(self, question: Question) -> Question:
        """Return the question to ask in place of this one; nothing is opened yet."""
        boxes = question.boxes if self.keeps_boxes else ()
        return replace(question, message=lambda: self.message(question), boxes=boxes)


def _blank_image(question: Question) -> Message:
    return [part if isinstance(part, str) else blank(picture_of(part).rgb) for part in question.message()]


def _shuffled_image(question: Question) -> Message:
    parts = question.message()
    own = {picture_of(part).hash for part in parts if not isinstance(part, str)}
    others = _unlike(own, question.others())
    return [part if isinstance(part, str) else _other(others) for part in parts]


def _unlike(seen: set[str], messages: Iterator[Message]) -> Iterator[Image.Image]:
    """Yield images whose pixels have not been seen."""
    for message in messages:
        for part in message:
            if not isinstance(part, str) and (picture := picture_of(part)).hash not in seen:
                seen.add(picture.hash)
                yield part


def _other(images: Iterator[Image.Image]) -> Image.Image:
    for image in images:
        return image
    raise NoControl("shuffled_image needs another image of the same task and modality; there is none")


def _no_image(question: Question) -> Message:
    return [part for part in question.message() if isinstance(part, str)]


def _box_filled(question: Question) -> Message:
    return _with_filled("box_filled", question, lambda region, _whole: region)


def _elsewhere_filled(question: Question) -> Message:
    def place(region: list[Rect], whole: Rect) -> list[Rect] | None:
        return moved(region, whole, Random(question.uid))

    return _with_filled("elsewhere_filled", question, place)


def _with_filled(name: str, question: Question, place: Callable[[list[Rect], Rect], Sequence[Rect] | None]) -> Message:
    """Fill a region of the first image, to which the boxes belong."""
    if not question.boxes:
        raise NoBoxes(f"{name} needs annotated boxes; this question has none")
    parts = list(question.message())
    index = next((index for index, part in enumerate(parts) if not isinstance(part, str)), None)
    if index is None:
        raise NoControl(f"{name} needs an image; this question has none")
    image = picture_of(parts[index]).rgb  # type: ignore[arg-type]  # the index is that of an image
    whole = Rect(0, 0, *image.size)
    boxes = pixels_of(question.boxes, *image.size)
    region = place(boxes, whole)
    if region is None:
        raise NoControl(f"{name}: the shape of the boxes has no place in the image that is disjoint from them")
    try:
        parts[index] = filled(image, region)
    except ValueError as problem:
        raise NoControl(f"{name}: {problem}") from problem
    return parts


#: Name -> control.
CONTROLS: Mapping[str, ImageControl] = {
    control.name: control
    for control in (
        ImageControl("blank_image", "every image becomes one of its size in its mean colour", _blank_image),
        ImageControl(
            "shuffled_image",
            "every image becomes another one of the task, of the same modality where it is known; seeded by the question",
            _shuffled_image,
            keeps_boxes=False,
        ),
        ImageControl("no_image", "the question is asked without its images", _no_image, keeps_boxes=False),
        ImageControl(
            "box_filled", "the annotated boxes are filled from their surroundings", _box_filled, needs_boxes=True
        ),
        ImageControl(
            "elsewhere_filled",
            "a region of the boxes' shape, disjoint from them, is filled in the same way; seeded by the question",
            _elsewhere_filled,
            needs_boxes=True,
        ),
    )
}


def control_named(name: str) -> ImageControl:
    """Return the control of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in CONTROLS:
        raise ValueError(f"control={name!r}: {suggest(str(name), CONTROLS)}allowed is {', '.join(CONTROLS)}")
    return CONTROLS[name]
