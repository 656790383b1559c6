"""The region that a question's attention is measured against: its boxes as masks on the model's patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadQuestion, NoBoxes, Unmeasurable
from lmms_vg.attention.session import Selections
from lmms_vg.models.base import Prompt

#: (rows, cols) bool, True where a patch of one view lies in a box.
Mask = NDArray[np.bool_]

#: Such a mask for each view of the first image; attention is measured on the first view.
Masks = tuple[Mask, ...]


class LookTarget(NamedTuple):
    """The region that a question's attention is measured against, on the patches of the first image's first view.

    Attributes:
        uid: name of the question.
        mask: the patches in a box; none without boxes.
        visible: the patches that show image.
        others: number of patches of each of the image's other views.
    """

    uid: str
    mask: Mask
    visible: Mask
    others: tuple[int, ...] = ()


def target_masks(uid: str, prompt: Prompt, boxes: Sequence[Sequence[float]], rows: Selections) -> Masks:
    """Return the boxes (x0, y0, x1, y1 in pixels) as masks on the patch grids of the first image's views.

    Raises:
        CodedError: there is no image, no box, no question token or no visible box; the message names the question.
    """
    if not prompt.images:
        raise BadQuestion(f"{uid}: no image to measure attention on")
    if not boxes:
        raise NoBoxes(f"{uid}: no box to measure attention against")
    if "question" in rows and prompt.question[0] == prompt.question[1]:
        raise Unmeasurable(f'{uid}: no question tokens after the image, over which rows="question" averages')
    masks = tuple(view.patch_mask(boxes) for view in prompt.images[0].views)
    if not masks[0].any():
        raise Unmeasurable(f"{uid}: the boxes {list(boxes)} lie in the part of the image that the model does not see")
    return masks
