"""Random mask: VGRefine's knockout of as many image tokens, drawn by chance. The control every study of it needs."""

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
    """Random mask (control for VGRefine): hides as many image tokens as VGRefine would, drawn by chance.

    The same triage, layers and rows as `vgrefine`; what it would hide is counted, and so many image tokens are drawn without
    replacement. The draw depends on seed, images and prompt, and not on the batch the question is in.

    Paper: -
    Source: -
    Layers: as vgrefine
    Heads: as vgrefine
    Rows: as vgrefine
    Softmax: as vgrefine
    Phase: prefill

    Attributes:
        k, p, mask, layers, heads: as for `vgrefine`; they decide how many tokens are hidden, and where. p = 0 hides nothing
            and is `plain`.
        seed: integer of at least 0; another seed is another draw.
    """

    name: ClassVar[str] = "random_mask"

    seed: int = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer(self, "seed", 0)

    @classmethod
    def for_checkpoint(cls, shape: Shape, seed: int = 42, **hyper_parameters: Any) -> RandomMask:  # type: ignore[override]
        made = super().for_checkpoint(shape, **hyper_parameters)
        assert isinstance(made, RandomMask)
        return replace(made, seed=seed)

    def hidden(self, irrelevant: Tensor, batch: Batch) -> Tensor:
        hidden = torch.zeros_like(irrelevant)
        for row, count, prompt in zip(hidden, irrelevant.sum(1).tolist(), batch.layout.prompts, strict=True):
            generator = seeded(self.seed, "/".join([*prompt.image_hashes, prompt.text]))
            row[torch.randperm(len(row), generator=generator)[:count].to(row.device)] = True
        return hidden
