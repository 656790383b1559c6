"""Moved mask: hides everything outside a region of the boxes' shape at another place. The control for the oracle mask."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import NoControl
from lmms_vg.attention.batch import Batch
from lmms_vg.methods.base import require_integer
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.models.base import Prompt
from lmms_vg.models.checkpoint import Shape
from lmms_vg.vision.elsewhere import Rect, moved
from lmms_vg.vision.patch_grid import Geometry


@dataclass(frozen=True)
class MovedMask(OracleMask):
    """Moved mask (control for the oracle mask): keeps as many image tokens of the same shape, at a place without a box.

    The patches that the boxes touch move as one rigid shape to a place of the visible image that shares no patch with them,
    drawn evenly. Views of an image draw separately, each for its own part of the boxes. A question whose shape has no such
    place fails.

    Paper: -
    Source: -
    Layers: as vgrefine
    Heads: all
    Rows: as vgrefine
    Softmax: as vgrefine
    Phase: prefill

    Attributes:
        layers, mask: as for `oracle_mask`.
        seed: seed of the draw, an integer of at least 0; the draw also depends on images and prompt, not on the batch.
    """

    name: ClassVar[str] = "moved_mask"
    control: ClassVar[bool] = True

    seed: int = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer(self, "seed", 0)

    @classmethod
    def for_checkpoint(cls, shape: Shape, seed: int = 42, **hyper_parameters: Any) -> MovedMask:  # type: ignore[override]
        """Create the method as `OracleMask` does, with a seed."""
        oracle = OracleMask.for_checkpoint(shape, **hyper_parameters)
        return cls(oracle.layers, oracle.mask, seed)

    def targets(self, batch: Batch) -> list[tuple[NDArray[np.bool_], ...]]:
        """Return the oracle's masks, each moved to a disjoint place of the visible image."""
        given = super().targets(batch)
        return [self._moved(views, prompt) for views, prompt in zip(given, batch.layout.prompts, strict=True)]

    def _moved(self, views: tuple[NDArray[np.bool_], ...], prompt: Prompt) -> tuple[NDArray[np.bool_], ...]:
        """Return the masks of one question's views, each moved; an empty one stays empty."""
        if not prompt.images:  # the oracle mask says so
            return views
        draw = Random("/".join([str(self.seed), *prompt.image_hashes, prompt.text]))
        pairs = zip(views, prompt.images[0].views, strict=True)
        return tuple(_elsewhere(mask, view, draw) if mask.any() else mask for mask, view in pairs)


def _elsewhere(mask: NDArray[np.bool_], view: Geometry, draw: Random) -> NDArray[np.bool_]:
    rows, columns = np.nonzero(view.visible)
    visible = Rect(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    region = moved(_runs(mask), visible, draw)
    if region is None:
        raise NoControl(
            "moved_mask: the shape of the boxes has no place in the visible image that is disjoint from them"
        )
    result = np.zeros_like(mask)
    for x0, y0, x1, y1 in region:
        result[y0:y1, x0:x1] = True
    return result


def _runs(mask: NDArray[np.bool_]) -> list[Rect]:
    """Return the mask as rectangles of one row each."""
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    starts, stops = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return [Rect(int(x0), int(y), int(x1), int(y) + 1) for (y, x0), (_, x1) in zip(starts, stops, strict=True)]
