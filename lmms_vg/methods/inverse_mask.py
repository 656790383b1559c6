"""Inverse mask: hides what VGRefine keeps. If VGRefine helps, this must harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from lmms_vg.attention.batch import Batch
from lmms_vg.methods.vgrefine import VGRefine


@dataclass(frozen=True)
class InverseMask(VGRefine):
    """Inverse mask (control for VGRefine): hides the image tokens that VGRefine keeps, and keeps those that it hides.

    The triage, layers and rows are those of `vgrefine`; the image tokens at or above the percentile are hidden.

    Paper: -
    Source: -
    Layers: as vgrefine
    Heads: as vgrefine
    Rows: as vgrefine
    Softmax: as vgrefine
    Phase: prefill

    Attributes:
        k, p, mask, layers, heads: as for `vgrefine`. No value is neutral: p = 0, where VGRefine keeps everything, hides the
            whole image, and p = 100 still hides the best token. At p = 50 and an even number of tokens both hide half.
    """

    name: ClassVar[str] = "inverse_mask"
    control: ClassVar[bool] = True

    def hidden(self, irrelevant: Tensor, batch: Batch) -> Tensor:
        """Return the relevant tokens, (B, N) bool."""
        return ~irrelevant
