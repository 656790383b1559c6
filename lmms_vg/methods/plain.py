"""The baseline: the model as it is, on the same execution path as every method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method


@dataclass(frozen=True)
class Plain(Method):
    """Plain: nothing is edited; what every method is compared with.

    Paper: -
    Source: -
    Layers: -
    Heads: -
    Rows: -
    Softmax: -
    Phase: -
    """

    name: ClassVar[str] = "plain"

    def prefill(self, batch: Batch) -> Pass:
        return batch.prefill()
