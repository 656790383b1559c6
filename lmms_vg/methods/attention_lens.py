"""Attention Lens (Jiang et al., CVPR 2025): every head attends more to image tokens that all heads attend to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Boost, onwards
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import require_image, require_number
from lmms_vg.methods.layer_range import LayerRange, require_layer_range


@dataclass(frozen=True)
class AttentionLens(LayerRange):
    """Attention Lens (Jiang et al., CVPR 2025): adds to the image's attention scores their mean magnitude over heads.

    Scores w of image tokens become w + alpha * mean over heads |w|: every head gets the same addition per image token.

    Paper: Jiang et al., "Devils in Middle Layers of Large Vision-Language Models: Interpreting, Detecting and Mitigating
        Object Hallucinations via Attention Lens", CVPR 2025
    Source: ZhangqiJiang07/middle_layers_indicating_hallucinations; its edit, defaults, and layers as its script runs them
        ("5,18" with one added to the end). Not taken: the variant that averages over the heads with most attention on the image
    Layers: `start` to `end`, exclusive (5 to 19)
    Heads: all
    Rows: last prompt token and every decode step
    Softmax: before
    Phase: prefill and decoding

    Attributes:
        alpha: share of the mean magnitude to add, at least 0 (released: .5). 0 is `plain`.
        start: first layer, 0-based (released: 5).
        end: layer after the last one (released: 5 to 18 inclusive, so 19); the default stops at the model's depth.
    """

    name: ClassVar[str] = "attention_lens"

    alpha: float = 0.5
    start: int = 5
    end: int = 19

    def __post_init__(self) -> None:
        require_number(self, "alpha", 0)
        require_layer_range(self)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        if self.alpha == 0:
            return batch.prefill()
        rows, keys = onwards(batch.layout.last), batch.layout.image_keys()
        return batch.prefill(Boost(self.layers, rows, keys, self.alpha, across_heads=True))
