"""MedGemma and Gemma 3.

An image is stretched to a square and becomes 256 tokens, which attend to all of their image. Most layers of the text model
attend to a window; an image, a question and an answer fit into it, four images do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any, ClassVar

import torch
from torch import Tensor

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage, Prompt
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.fields import require_resizing
from lmms_vg.models.image_text import ImageText
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


class MedGemma(ImageText):
    """MedGemma (Sellergren et al., 2025) and Gemma 3, which it was made from."""

    name: ClassVar[str] = "medgemma"
    pretrained: ClassVar[str] = "google/medgemma-4b-it"
    model_types: ClassVar[tuple[str, ...]] = ("gemma3",)
    mark: ClassVar[str] = "<image_soft_token>"
    processor: ClassVar[str | None] = "Gemma3ImageProcessor"
    written: ClassVar[str | None] = "<start_of_image>"
    placed: ClassVar[str | None] = "\n\n<start_of_image><image_soft_token><end_of_image>\n\n"
    images_see_themselves: ClassVar[bool] = True
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("google/medgemma-4b-it", "Health AI Developer Foundations", 8.6, gated=True),
            KnownCheckpoint("google/medgemma-1.5-4b-it", "Health AI Developer Foundations", 8.6, gated=True),
            KnownCheckpoint("google/medgemma-27b-it", "Health AI Developer Foundations", 54.9, gated=True),
            KnownCheckpoint("google/gemma-3-4b-it", "Gemma", 8.6, gated=True),
            KnownCheckpoint("google/gemma-3-12b-it", "Gemma", 24.4, gated=True),
            KnownCheckpoint("google/gemma-3-27b-it", "Gemma", 54.9, gated=True),
        ),
        tokens="256 (16 x 16)",
        prompt=r"the checkpoint's template: `<start_of_turn>user\n ... <start_of_turn>model\n`",
        preprocessing="stretched to 896 x 896",
        verified="tiny weights against transformers, also with a window shorter than the prompt",
        not_verified="real weights; MedGemma's own template",
    )

    @classmethod
    def check_dtype(cls, dtype: torch.dtype) -> None:
        """Refuse float16, in which activations of Gemma 3 overflow.

        Raises:
            CheckpointError: The dtype is float16.
        """
        if dtype == torch.float16:
            raise CheckpointError(
                f"dtype='float16': activations of Gemma 3 overflow in it; allowed for {cls.name!r} is bfloat16 or float32"
            )

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Refuse crops of a picture beside it, and images of another size than the vision tower's.

        Raises:
            ValueError: The processor makes crops, or images of another size.
        """
        side = config.vision_config.image_size
        if getattr(processor, "do_pan_and_scan", None):
            raise ValueError("do_pan_and_scan=True: allowed is False, because crops would be images of their own")
        require_resizing(processor)
        if dict(processor.size) != {"height": side, "width": side}:
            raise ValueError(f"size={dict(processor.size)}: the vision tower takes {side} x {side} pixels")

    @property
    def _side(self) -> int:
        """Image tokens along each side."""
        return isqrt(self.model.config.mm_tokens_per_image)

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """Return one view, the whole image on a square."""
        return (Geometry.stretch(width, height, self._side, self._side),)

    def prepare(self, picture: Picture) -> PreparedImage:
        """Return one square of pixels."""
        pixels = self.image_processor(images=picture.rgb, return_tensors="pt")["pixel_values"]
        views, tokens = self.lay(*picture.rgb.size), self._side**2
        return PreparedImage(picture.hash, pixels, tokens, torch.arange(tokens), views, pixels.shape[-1])

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of SigLIP's patches, averaged over squares and projected."""
        return self.model.get_image_features(self.on_tower(images)).pooler_output.flatten(0, 1), ()

    def stock_inputs(self, prompt: Prompt) -> dict[str, Tensor]:
        """Return also which tokens are of an image: they attend to all of it."""
        of_image = (prompt.input_ids == self.image_id).int()[None]
        return super().stock_inputs(prompt) | {"token_type_ids": of_image.to(self.model.device)}
