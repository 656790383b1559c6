"""Oracle mask: hides everything outside the annotated boxes, as a perfect triage would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lmms_vg._util.error_codes import NoBoxes
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image
from lmms_vg.methods.head_lists import known_layers
from lmms_vg.methods.named_places import check_layers, parse_layers
from lmms_vg.methods.vgrefine import check_knockout, knock_out
from lmms_vg.models.checkpoint import Shape


@dataclass(frozen=True)
class OracleMask(Method):
    """Oracle mask (upper bound for VGRefine): hides every image token that no annotated box touches.

    VGRefine's knockout without its triage: the boxes define the relevant tokens. Boxes belong to the first image; tokens of
    further images are kept. A question without boxes fails.

    Paper: -
    Source: -
    Layers: as vgrefine
    Heads: all
    Rows: as vgrefine
    Softmax: as vgrefine
    Phase: prefill

    Attributes:
        layers: 0-based knockout layers (default: those of the checkpoint's shipped head list).
        mask: "pre" or "post", as for `vgrefine`.
    """

    name: ClassVar[str] = "oracle_mask"
    needs_boxes: ClassVar[bool] = True

    layers: tuple[int, ...]
    mask: Literal["pre", "post"] = "pre"

    def __post_init__(self) -> None:
        check_knockout(self.layers, self.mask)

    @classmethod
    def for_checkpoint(  # type: ignore[override]  # the hyper-parameters, spelt out
        cls, shape: Shape, layers: str | int | None = None, mask: Literal["pre", "post"] = "pre"
    ) -> OracleMask:
        """Create the method; `layers` defaults to the knockout layers of the checkpoint's shipped head list.

        Raises:
            ValueError: no knockout layers are known for the checkpoint, and none are given.
        """
        places = tuple(known_layers(shape)) if layers is None else parse_layers(layers)
        if not places:
            raise ValueError(
                f"layers: no knockout layers are known for pretrained={shape.pretrained!r}; give layers=16 or "
                "layers=34+35+36 (0-based; the paper takes the layer of lowest mean KL)"
            )
        check_layers(places, shape)
        return cls(places, mask)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        hidden = torch.zeros(batch.layout.image_tokens.shape, dtype=torch.bool)
        for row, views in zip(hidden, self.targets(batch), strict=True):
            boxes = np.concatenate([view.ravel() for view in views])
            row[: len(boxes)] = torch.from_numpy(~boxes)
        return knock_out(batch, hidden, self.layers, self.mask)

    def targets(self, batch: Batch) -> list[tuple[NDArray[np.bool_], ...]]:
        """Return the masks of each question's views, whose patches stay visible.

        Raises:
            NoBoxes: a question has none.
        """
        given = [views for views in batch.targets if views is not None]
        if len(given) < len(batch.targets):
            raise NoBoxes(f"{self.name} needs annotated boxes; this question has none")
        return given
