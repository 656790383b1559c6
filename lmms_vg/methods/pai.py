"""PAI (Liu et al., ECCV 2024): more attention to the image, and guidance away from the answer without the image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.edits import Boost, onwards
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method, require_image, require_number
from lmms_vg.methods.layer_range import LayerRange, require_layer_range
from lmms_vg.models.checkpoint import Shape

#: Guidance rules out tokens below this share of the largest probability, as released.
CUTOFF = 0.1


@dataclass(frozen=True)
class PAI(LayerRange):
    """PAI (Liu et al., ECCV 2024): adds to the image's attention scores a share of their magnitude.

    Scores w of image tokens become w + alpha * |w|. With `cfg` every token is chosen by gamma * (lp - lp_u) + lp_u, where lp
    are the log-probabilities under this edit and lp_u those of the unedited model for the same question without images;
    tokens with lp < log(.1) + max(lp) are cut off (-inf). Scores with a large common offset (Qwen2's key biases) have large
    magnitudes: the boost then leaves attention to the image only.

    Paper: Liu et al., "Paying More Attention to Image: A Training-Free Method for Alleviating Hallucination in LVLMs",
        ECCV 2024
    Source: LALBJ/PAI; its edit, guidance and cut-off. Its README runs alpha .2 with guidance of gamma 1.1
        (`alpha=0.2,cfg=true,faithful=true`). Not taken: under guidance no boost before the second answer token (`faithful`
        reproduces it), defaults alpha .2 and gamma 2, an index error for layers beyond the model's depth
    Layers: `start` to `end`, exclusive (2 to 32)
    Heads: all
    Rows: last prompt token and every decode step
    Softmax: before
    Phase: prefill and decoding

    Attributes:
        alpha: share of the magnitude to add, at least 0 (released: .2, by default and in its README; VGRefine's paper
            prints none for its comparison in Table F.4; .5 is a default of this package). 0 adds nothing, and is `plain`
            unless there is guidance.
        start: first layer, 0-based (released: 2).
        end: layer after the last one (released: 32); the default stops at the model's depth.
        cfg: guidance against the question without its images (released: a flag, on in its README's commands).
        gamma: strength of the guidance, at least 0 (released: 1.1 in its README, 2 by default). 1 is no guidance and no
            cut-off.
        faithful: with `cfg`, act as the released code does: the prompt is read without the boost, which therefore begins
            with the second answer token; with gamma = 1 there is no boost at all.
    """

    name: ClassVar[str] = "pai"

    alpha: float = 0.5
    start: int = 2
    end: int = 32
    cfg: bool = False
    gamma: float = 1.1
    faithful: bool = False

    def __post_init__(self) -> None:
        require_number(self, "alpha", 0)
        require_number(self, "gamma", 0)
        require_layer_range(self)
        for name in ("cfg", "faithful"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed is true or false")
        if self.faithful and not self.cfg:
            raise ValueError(
                "faithful=True: allowed only with cfg=True; without guidance the released code does the same"
            )

    @classmethod
    def for_checkpoint(cls, shape: Shape, **hyper_parameters: Any) -> Method:
        """Create the method as `LayerRange` does; refuse `gamma` without guidance, where it would do nothing.

        Raises:
            ValueError: as in `LayerRange`, or `gamma` is given without `cfg=true`.
        """
        if "gamma" in hyper_parameters and not hyper_parameters.get("cfg"):
            raise ValueError(
                f"gamma={hyper_parameters['gamma']!r}: allowed only with cfg=true; without it there is no guidance"
            )
        return super().for_checkpoint(shape, **hyper_parameters)

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        guided = self.cfg and self.gamma != 1
        if self.alpha == 0 or (self.faithful and not guided):
            boosted = batch.prefill()
        else:
            rows = onwards(batch.layout.last + 1 if self.faithful else batch.layout.last)
            boosted = batch.prefill(Boost(self.layers, rows, batch.layout.image_keys(), self.alpha))
        if guided:
            unseen = [[part for part in prompt.content if isinstance(part, str)] for prompt in batch.layout.prompts]
            blind = batch.beside([batch.layout.family.prompt(content) for content in unseen])
            boosted.contrast(blind.prefill(), self._guide, _ruled_out)
        return boosted

    def _guide(self, own: Tensor, blind: Tensor) -> Tensor:
        seen, unseen = own.log_softmax(-1), blind.log_softmax(-1)
        return self.gamma * (seen - unseen) + unseen


def _ruled_out(own: Tensor) -> Tensor:
    seen = own.log_softmax(-1)
    return seen < seen.amax(-1, keepdim=True) + math.log(CUTOFF)
