"""The baseline: the unedited model, on the same code path as every method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods.base import Method


@dataclass(frozen=True)
class Plain(Method):
    """Plain: nothing is edited; the baseline of every method.

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
