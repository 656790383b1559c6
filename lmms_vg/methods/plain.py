"""The baseline: the model as it is, on the same execution path as every method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmms_vg.attention.batch import Batch
from lmms_vg.methods.base import Method


@dataclass(frozen=True)
class Plain(Method):
    """Nothing is edited."""

    name: ClassVar[str] = "plain"

    def prefill(self, batch: Batch) -> Batch:
        batch.prefill()
        return batch
