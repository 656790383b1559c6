"""The baseline: the model as it is, on the same execution path as every method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lmms_vg.attention.session import Batch
from lmms_vg.methods.base import Method


@dataclass(frozen=True)
class Plain(Method):
    """Nothing is edited."""

    name: ClassVar[str] = "plain"

    def prefill(self, batch: Batch) -> list[dict[str, Any]]:
        batch.prefill()
        return [{} for _ in range(len(batch))]
