"""LLaVA-Med 1.5: the original repository in LLaVA's layout, converted in memory, and conversions to transformers' layout.

The prompt is that of the instruction-tuned Mistral, without a system prompt. The original repository has a tokenizer.model
only, whose settings may leave out that a prompt begins with a begin-of-text token; the model was trained with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lmms_vg.models.base import FamilyCard, KnownCheckpoint
from lmms_vg.models.chat_template import Form
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.original_layout import is_original, require_image_fields
from lmms_vg.models.original_llava import OriginalLlava
from lmms_vg.models.tokenizer import begin_once


class LlavaMed(OriginalLlava):
    """LLaVA-Med 1.5 (Li et al., 2023): CLIP, a two-layer projector, Mistral 7B."""

    name: ClassVar[str] = "llava_med"
    pretrained: ClassVar[str] = "microsoft/llava-med-v1.5-mistral-7b"
    originals: ClassVar[Mapping[str, str]] = {"llava_mistral": "mistral"}
    roles: ClassVar[tuple[str, ...]] = ("[INST]", "[/INST]")
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("microsoft/llava-med-v1.5-mistral-7b", "Apache-2.0", 15.1),
            KnownCheckpoint("chaoyinshe/llava-med-v1.5-mistral-7b-hf", "see its page", 15.1),
        ),
        tokens="576 (24 x 24)",
        prompt=r"`<s>[INST] <image>\n{text} [/INST]`",
        preprocessing="padded to a square, 336 x 336",
        verified="true config.json; tiny weights in the original layout against CLIP and Mistral put together by hand",
        not_verified="real weights; third parties' conversions",
    )

    def render(self, body: str) -> str:
        """Put Mistral's instruction marks around the user's message."""
        return f"[INST] {body} [/INST]"

    @classmethod
    def read_processors(
        cls, pretrained: str, revision: str | None, raw: dict[str, Any], config: Any
    ) -> tuple[Any, Any, str | None, Form]:
        """Read them as every family does; the tokenizer then begins every prompt with one begin-of-text token."""
        tokenizer, processor, template, form = super().read_processors(pretrained, revision, raw, config)
        begin_once(pretrained, tokenizer)
        return tokenizer, processor, template, form

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse a LLaVA whose text model is no Mistral.

        Raises:
            CheckpointError: The text model is another one.
        """
        if is_original(raw) and raw.get("model_type") in cls.originals:
            require_image_fields(pretrained, raw)
            return
        super().require_own(pretrained, revision, raw)
        if (kind := (raw["text_config"] or {}).get("model_type")) != "mistral":
            raise CheckpointError(
                f"pretrained={pretrained!r} is not a LLaVA-Med 1.5: its text model is {kind!r}; allowed is 'mistral'"
            )
