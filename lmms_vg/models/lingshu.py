"""Lingshu: Qwen2.5-VL trained on medical images and texts, under model ids of its own.

Nothing in its files tells it from Qwen2.5-VL, so it is known by its name: a table that says Lingshu is about Lingshu.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lmms_vg.models.base import FamilyCard, KnownCheckpoint
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.qwen_vl import QwenVL


class Lingshu(QwenVL):
    """Lingshu (LASA team, 2025), 7B and 32B."""

    name: ClassVar[str] = "lingshu"
    pretrained: ClassVar[str] = "lingshu-medical-mllm/Lingshu-7B"
    model_types: ClassVar[tuple[str, ...]] = ("qwen2_5_vl",)
    card: ClassVar[FamilyCard] = QwenVL.card._replace(
        checkpoints=(
            KnownCheckpoint("lingshu-medical-mllm/Lingshu-7B", "MIT", 16.6),
            KnownCheckpoint("lingshu-medical-mllm/Lingshu-32B", "MIT", 66.9),
        ),
        tokens="as `qwen_vl`",
        preprocessing="as `qwen_vl`",
        verified="tiny weights answer as under `qwen_vl`, which is compared with transformers",
        not_verified="real weights; its own template",
    )

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse also a checkpoint not called Lingshu: `qwen_vl` computes the same for any other Qwen2.5-VL.

        Raises:
            CheckpointError: The checkpoint is of another family, or its name does not contain Lingshu.
        """
        super().require_own(pretrained, revision, raw)
        if cls.name not in pretrained.lower():
            raise CheckpointError(
                f"pretrained={pretrained!r} does not have {cls.name!r} in its name, by which alone Lingshu is told from "
                f"Qwen2.5-VL; allowed are such names, as {cls.pretrained}"
            )
