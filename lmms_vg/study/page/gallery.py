"""The questions of the gallery: their image, boxes and maps, read when the page is built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lmms_vg.datasets.images import open_image
from lmms_vg.paper.sources import UNKNOWN
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.image_place import geometry_of, opened
from lmms_vg.study.page.input import GallerySample, SideLook
from lmms_vg.study.page.sides import Asked, StudySide
from lmms_vg.study.questions import StudyQuestion
from lmms_vg.tasks.registry import TASKS
from lmms_vg.vision.patch_grid import Box

_PATCH = 14  # pixels of a patch where there is no image to show


class Gallery:
    """Reads questions by their number in `order`."""

    def __init__(self, sides: Sequence[StudySide], order: Sequence[Asked]) -> None:
        self.sides, self.order = sides, order

    def sample(self, number: int) -> GallerySample:
        """Return a question. Where its image is missing it has the patches alone, and opening the image says why."""
        name, uid = self.order[number]
        at = [
            (side.tasks[name], side.places[name][uid]) if uid in side.places.get(name, ()) else None
            for side in self.sides
        ]
        tasks = [place for place in at if place is not None]
        question = tasks[0][0].questions[tasks[0][1]]
        image = opened(question)
        size = image.size if image else None
        boxes = question.boxes if size else _patch_boxes(question)
        shown = size or _patch_size(question)
        spec = TASKS[name].spec if name in TASKS else None
        return GallerySample(
            question=question.text,
            reference=question.reference if question.right is not None else "",
            label="" if question.organ == UNKNOWN else question.organ,
            source=spec.name if spec else name,
            licence=spec.licence if spec else "",
            size=shown,
            boxes=[(box[0], box[1], box[2], box[3]) for box in boxes],
            open_image=partial(open_image, question.image),
            looks=[None if place is None else _look(*place, size) for place in at],
        )


def _patch_size(question: StudyQuestion) -> tuple[int, int]:
    rows, cols = question.grid or (24, 24)
    return cols * _PATCH, rows * _PATCH


def _patch_boxes(question: StudyQuestion) -> list[Box]:
    """Return the tight box of the marked patches."""
    if question.mask is None:
        return []
    rows, cols = np.nonzero(question.mask)
    left, top, right, bottom = (
        float(_PATCH * edge) for edge in (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1)
    )
    return [(left, top, right, bottom)]


def _look(task: StudiedTask, place: int, size: tuple[int, int] | None) -> SideLook | None:
    question = task.questions[place]
    maps = task.lift(place)
    if maps is None or question.grid is None or question.mask is None or question.visible is None:
        return None
    return SideLook(
        maps=maps.reshape(len(maps), -1).astype(np.float32),
        grid=question.grid,
        visible=question.visible.ravel(),
        place=_place(question, size),
        ar=task.values["AR"][place],
        kl=task.values["KL"][place],
        excess=task.excess["AR"][place],
        placement=task.values["placement"][place],
        answer=question.answer,
    )


def _place(question: StudyQuestion, size: tuple[int, int] | None) -> Box | None:
    """Return the grid as a box in pixels of the image; None if no known way to prepare images gives its patches."""
    if size is None:
        width, height = _patch_size(question)
        return 0.0, 0.0, float(width), float(height)
    geometry = geometry_of(question, *size)
    if geometry is None:
        return None
    return (*geometry.patch_box(0, 0)[:2], *geometry.patch_box(geometry.rows - 1, geometry.cols - 1)[2:])
