"""ScalingVis (Chen et al., ICML 2025): one factor for the attention to the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Scale
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image, require_number


@dataclass(frozen=True)
class ScalingVis(Method):
    """ScalingVis (Chen et al., ICML 2025): multiplies the image's attention scores by one weight.

    The signed scores of image tokens are multiplied, including any offset that all scores of a row share. So with large
    scores (Qwen2's key biases) attention to the image goes to 0 or 1.

    Paper: Chen et al., "Why Is Spatial Reasoning Hard for VLMs? An Attention Mechanism Perspective on Focus Areas", ICML 2025
    Source: shiqichen17/AdaptVis; its edit. Not taken: its end at layer 32 of deeper models, its prompts padded to 77 tokens
    Layers: all
    Heads: all
    Rows: last prompt token
    Softmax: before
    Phase: prefill

    Attributes:
        weight: factor of the image's scores, at least 0. The release has no single default (it chooses among 0, .5, .8, 1.2,
            1.5 and 2 on a part of each data set); 1.2 is its README's example. 1 is `plain`.
    """

    name: ClassVar[str] = "scalingvis"

    weight: float = 1.2

    def __post_init__(self) -> None:
        require_number(self, "weight", 0)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        if self.weight == 1:
            return batch.prefill()
        layers, layout = range(batch.unedited.depth), batch.layout
        return batch.prefill(Scale(layers, layout.last, layout.image_keys(), self.weight))
