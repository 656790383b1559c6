"""Whether the masks beside a bundle's maps lie where the task's boxes are, for the images that are on this machine.

How an image lies on the patches is the model's matter: it is padded to a square, cut to one, or fills the grid. A bundle does
not say which, so a mask passes if one of the three puts the boxes there, give or take one patch for how a model rounds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from lmms_vg._util.error_codes import BadBox
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.source import DataError, DataMissing, offline
from lmms_vg.journal.map_lines import MapLine, patches_of
from lmms_vg.submission.findings import Finding
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.vision.patch_grid import Geometry

#: Most questions whose images are opened; of more, as many are drawn.
MOST = 500

_PATCH = 14  # pixels of a patch, which decides how the lengths of a crop are rounded

Mask = NDArray[np.bool_]


def misplaced(
    task: str, questions: Mapping[str, BundleQuestion], lines: Mapping[str, MapLine], seed: str
) -> Iterator[Finding]:
    """Yield the questions whose mask does not lie where their boxes are.

    Args:
        task: the task.
        questions: uid -> measured question.
        lines: uid -> the line of its map.
        seed: decides which questions are drawn where there are many: the SHA-256 of the maps, so that whoever changes them
            does not know which.
    """
    uids = sorted(questions)
    sizes: dict[str, tuple[int, int] | None] = {}
    for uid in uids if len(uids) <= MOST else sorted(random.Random(seed).sample(uids, MOST)):
        image = next(iter(questions[uid].images), "")
        if image not in sizes:
            sizes[image] = _size(image)
        size = sizes[image]
        about = lines[uid].question
        if size is None or about is None:
            continue
        mask, visible = (patches_of(packed, lines[uid].grid) for packed in (about.mask, about.visible))
        if lies(questions[uid], size, mask, visible) is None:
            pad = next(_placed(questions[uid], size, mask.shape))[0]
            message = f"mask is {_shown(mask)} in its map, but {_shown(pad)} by the task's boxes in a padded image"
            yield Finding("maps", f"{task} {uid}", message)


def lies(question: BundleQuestion, size: tuple[int, int], mask: Mask, visible: Mask) -> Geometry | None:
    """Return how an image lies on the patches, exactly if a known way gives this mask; None if none puts its boxes near it."""
    ways = zip(_ways(size, mask.shape), _placed(question, size, mask.shape), strict=True)
    near = [(way, own) for way, (own, shown) in ways if _near(mask, own) and _near(visible, shown)]
    exact = [way for way, own in near if (own == mask).all()]
    return next(iter([*exact, *(way for way, _ in near)]), None)


def _size(image: str) -> tuple[int, int] | None:
    """Return width and height of an image; None if it is not on this machine."""
    try:
        with offline():
            return open_image(image).size
    except (DataMissing, DataError, OSError):
        return None


def _ways(size: tuple[int, int], grid: tuple[int, ...]) -> list[Geometry]:
    (width, height), (rows, cols) = size, grid
    ways = [Geometry.pad(width, height, rows, cols), Geometry.stretch(width, height, rows, cols)]
    return [*ways, Geometry.center_crop(width, height, rows, cols, _PATCH * rows)] if rows == cols else ways


def _placed(question: BundleQuestion, size: tuple[int, int], grid: tuple[int, ...]) -> Iterator[tuple[Mask, Mask]]:
    """Yield mask and visible patches for each way in which an image lies on the patches."""
    for way in _ways(size, grid):
        try:
            yield way.patch_mask(question.boxes), way.visible
        except BadBox:  # such questions have no values
            yield np.zeros(grid, dtype=bool), way.visible


def _near(mask: Mask, expected: Mask) -> bool:
    """Return whether two masks mark the same patches, give or take one patch in any direction."""
    wide = np.ones((3, 3), dtype=bool)
    return not (mask & ~binary_dilation(expected, wide)).any() and not (expected & ~binary_dilation(mask, wide)).any()


def _shown(mask: Mask) -> str:
    if not mask.any():
        return "empty"
    (top, left), (bottom, right) = (edge(np.nonzero(mask), axis=1) for edge in (np.min, np.max))
    return f"rows {top} to {bottom}, columns {left} to {right}"
