"""The mapping of an image to a model's patches, without the model.

A journal keeps it with the maps. Those of older versions kept only which patches show image and which are in a box: there, of
the preparations that models have (padded to a square, its middle cut out, stretched), the first that gives exactly these
patches is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from lmms_vg._util.error_codes import BadBox
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.source import DataError
from lmms_vg.study.questions import StudyQuestion
from lmms_vg.vision.patch_grid import Geometry

#: Sides of a patch in pixels, which decide how a cut-out's size is rounded.
_PATCH_SIDES = (14, 16, 8)


def opened(question: StudyQuestion) -> Image.Image | None:
    """Open a question's image in its own colours; None if it is not on this machine, or cannot be read."""
    try:
        return open_image(question.image)
    except (DataError, OSError):
        return None


def geometry_of(question: StudyQuestion, width: int, height: int) -> Geometry | None:
    """Return how an image of this size lies on the question's patches.

    None if the run saw an image of another size, or if it did not keep how and no known preparation gives its masks.
    """
    kept = question.geometry
    if kept is not None:
        return kept if (kept.width, kept.height) == (width, height) else None
    if question.grid is None or question.mask is None or question.visible is None:
        return None
    for candidate in _candidates(width, height, *question.grid):
        try:
            mask = candidate.patch_mask(question.boxes)
        except BadBox:
            return None
        if (mask == question.mask).all() and (candidate.visible == question.visible).all():
            return candidate
    return None


def _candidates(width: int, height: int, rows: int, cols: int) -> Iterator[Geometry]:
    if rows == cols:
        yield Geometry.pad(width, height, rows, cols)
        for side in _PATCH_SIDES:
            yield Geometry.center_crop(width, height, rows, cols, side * rows)
    yield Geometry.stretch(width, height, rows, cols)
