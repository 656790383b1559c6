"""VAF (ClearSight; Yin et al., CVPR 2025): more attention to the image, less to the text before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Scale, onwards
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import require_image, require_number
from lmms_vg.methods.layer_range import LayerRange, require_layer_range


@dataclass(frozen=True)
class VAF(LayerRange):
    """VAF (ClearSight; Yin et al., CVPR 2025): multiplies the attention scores of the image and of the text before it.

    Scores of image tokens are multiplied by `enhance`. Those of all tokens before the first image, including the
    begin-of-text token, are multiplied by `suppress`.

    Paper: Yin et al., "ClearSight: Visual Signal Enhancement for Object Hallucination Mitigation in Multimodal Large Language
        Models", CVPR 2025
    Source: ustc-hyin/ClearSight; the values of its README and POPE script (its own defaults are 1 and 1). Not taken: its fixed
        35 tokens before the image and 576 of it; its edit of prompts shorter than that. Not in it: the paper's choice of heads
    Layers: `start` to `end`, exclusive (9 to 15)
    Heads: all
    Rows: all rows behind the image and every decode step
    Softmax: before
    Phase: prefill and decoding

    Attributes:
        enhance: factor of the image's scores, at least 0 (released: 1.15).
        suppress: factor of the scores before the image, at least 0 (released: .95). With both 1 it is `plain`.
        start: first layer, 0-based (released: 9).
        end: layer after the last one (released: 9 to 14 inclusive, so 15); the default stops at the model's depth.
    """

    name: ClassVar[str] = "vaf"

    enhance: float = 1.15
    suppress: float = 0.95
    start: int = 9
    end: int = 15

    def __post_init__(self) -> None:
        require_number(self, "enhance", 0)
        require_number(self, "suppress", 0)
        require_layer_range(self)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        layout = batch.layout
        rows = onwards(layout.post_image)
        factors = ((layout.image_keys(), self.enhance), (layout.before_image(), self.suppress))
        return batch.prefill(*[Scale(self.layers, rows, keys, factor) for keys, factor in factors if factor != 1])
