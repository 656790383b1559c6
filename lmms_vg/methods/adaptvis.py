"""AdaptVis (Chen et al., ICML 2025): less attention to the image if the model is unsure, more if it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Scale
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image, require_number


@dataclass(frozen=True)
class AdaptVis(Method):
    """AdaptVis (Chen et al., ICML 2025): multiplies the image's attention scores by a weight chosen by confidence.

    The unedited model is asked first; c is the largest probability of a first answer token (fp32, not rounded). Then the
    signed scores of image tokens are multiplied by `w1` if c < `threshold`, else by `w2`. With large scores (Qwen2's key
    biases) this drives the attention to the image to 0 or 1. Journal: `confidence` (c, rounded to 6 decimals), `weight`.

    Paper: Chen et al., "Why Is Spatial Reasoning Hard for VLMs? An Attention Mechanism Perspective on Focus Areas", ICML 2025
    Source: shiqichen17/AdaptVis; its edit and its README's values. Not taken: c rounded to two decimals, the largest logit for
        c on VSR, its end at layer 32 of deeper models, its prompts padded to 77 tokens, w2 1.5 and threshold .4 of its run.sh
    Layers: all
    Heads: all
    Rows: last prompt token
    Softmax: before
    Phase: prefill

    Attributes:
        w1: factor if the model is unsure, at least 0 (released README: .5). With 1 such questions are as in `plain`.
        w2: factor if the model is sure, at least 0 (released README: 1.2). With 1 such questions are as in `plain`.
        threshold: confidence from which the model counts as sure, 0..1 (released README: .3).
    """

    name: ClassVar[str] = "adaptvis"

    w1: float = 0.5
    w2: float = 1.2
    threshold: float = 0.3

    def __post_init__(self) -> None:
        require_number(self, "w1", 0)
        require_number(self, "w2", 0)
        require_number(self, "threshold", 0, 1)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        answering = batch.prefill()
        confidence = answering.logits.softmax(-1).amax(-1).tolist()
        weights = [self.w1 if largest < self.threshold else self.w2 for largest in confidence]
        if set(weights) != {1}:
            del answering  # frees its cache before the next one is filled
            rows, weight = batch.layout.last.clone(), torch.tensor(weights)
            rows[weight == 1, 0] = rows[weight == 1, 1]  # empty: these questions stay unedited, bit for bit
            answering = batch.prefill(Scale(range(batch.unedited.depth), rows, batch.layout.image_keys(), weight))
        for extra, largest, factor in zip(answering.extras, confidence, weights, strict=True):
            extra |= {"confidence": round(largest, 6), "weight": factor}
        return answering
