"""Random mask: hides as many image tokens as VGRefine, drawn at random. The control for VGRefine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoding import seeded
from lmms_vg.methods.base import require_integer
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models.checkpoint import Shape


@dataclass(frozen=True)
class RandomMask(VGRefine):
    """Random mask (control for VGRefine): hides as many image tokens as VGRefine would, drawn at random.

    The triage, layers and rows are those of `vgrefine`. The tokens that it would hide are counted, and as many image tokens
    are drawn without replacement. The draw depends on seed, images and prompt, not on the batch.

    Paper: -
    Source: -
    Layers: as vgrefine
    Heads: as vgrefine
    Rows: as vgrefine
    Softmax: as vgrefine
    Phase: prefill

    Attributes:
        k, p, mask, layers, heads: as for `vgrefine`; they set how many tokens are hidden, and where. p = 0 hides nothing
            and is `plain`.
        seed: seed of the draw, an integer of at least 0.
    """

    name: ClassVar[str] = "random_mask"
    control: ClassVar[bool] = True

    seed: int = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer(self, "seed", 0)

    @classmethod
    def for_checkpoint(cls, shape: Shape, seed: int = 42, **hyper_parameters: Any) -> RandomMask:  # type: ignore[override]
        """Create the method as `VGRefine` does, with a seed."""
        method = super().for_checkpoint(shape, **hyper_parameters)
        assert isinstance(method, RandomMask)
        return replace(method, seed=seed)

    def hidden(self, irrelevant: Tensor, batch: Batch) -> Tensor:
        """Draw as many tokens as are irrelevant, (B, N) bool."""
        hidden = torch.zeros_like(irrelevant)
        for row, count, prompt in zip(hidden, irrelevant.sum(1).tolist(), batch.layout.prompts, strict=True):
            generator = seeded(self.seed, "/".join([*prompt.image_hashes, prompt.text]))
            row[torch.randperm(len(row), generator=generator)[:count].to(row.device)] = True
        return hidden
