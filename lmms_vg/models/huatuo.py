"""HuatuoGPT-Vision: the `-hf` repositories, and the original LLaVA layout converted in memory.

The prompt is plain text without a begin-of-text token or system prompt. The `-hf` configurations state a pad token outside
their vocabulary. The original repositories (Qwen2 for 7B, Yi, which is llama, for 34B) hold the same tensors under LLaVA's
older names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lmms_vg.models.base import FamilyCard, KnownCheckpoint
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.huatuo_checkpoint import ROLES, TEXT_MODELS, difference, has_role_words, not_huatuo
from lmms_vg.models.original_layout import is_original, require_image_fields
from lmms_vg.models.original_llava import OriginalLlava


class Huatuo(OriginalLlava):
    """HuatuoGPT-Vision 7B and 34B (Chen et al., 2024)."""

    name: ClassVar[str] = "huatuo"
    pretrained: ClassVar[str] = "FreedomIntelligence/HuatuoGPT-Vision-7B-hf"
    originals: ClassVar[Mapping[str, str]] = TEXT_MODELS
    roles: ClassVar[tuple[str, ...]] = ROLES
    begin_of_text: ClassVar[bool] = False
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("FreedomIntelligence/HuatuoGPT-Vision-7B-hf", "Apache-2.0", 15.9),
            KnownCheckpoint("FreedomIntelligence/HuatuoGPT-Vision-7B", "Apache-2.0", 15.9),
            KnownCheckpoint("FreedomIntelligence/HuatuoGPT-Vision-34B-hf", "Apache-2.0", 69.5),
            KnownCheckpoint("FreedomIntelligence/HuatuoGPT-Vision-34B", "Apache-2.0", 69.5),
        ),
        tokens="576 (24 x 24)",
        prompt=r"`<|user|>\n<image>\n{text}\n<|assistant|>\n`",
        preprocessing="padded to a square, 336 x 336",
        verified="true small files; tiny weights in both layouts",
        not_verified="real weights",
    )

    def render(self, body: str) -> str:
        """Put the role marks of HuatuoGPT-Vision around the user's message."""
        return f"<|user|>\n{body}\n<|assistant|>\n"

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse what is no HuatuoGPT-Vision, unless its vocabulary has the role marks of this prompt.

        Raises:
            CheckpointError: The checkpoint is another model, and its vocabulary lacks the role marks.
        """
        if not is_original(raw):
            super().require_own(pretrained, revision, raw)
        elif raw.get("model_type") not in TEXT_MODELS:
            raise CheckpointError(not_huatuo(pretrained, f"its model_type is {raw.get('model_type')!r}"))
        else:
            require_image_fields(pretrained, raw)
        reason = difference(raw)
        if reason and not has_role_words(pretrained, revision):
            raise CheckpointError(not_huatuo(pretrained, reason))
