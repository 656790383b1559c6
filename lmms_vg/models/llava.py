"""LLaVA checkpoints in transformers' own layout (`LlavaForConditionalGeneration`), such as llava-hf/llava-1.5-7b-hf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor
from transformers import LlavaConfig

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.fields import TOWERS, require_square_tower
from lmms_vg.models.image_text import ImageText
from lmms_vg.models.placement import Placement
from lmms_vg.models.prompts import IMAGE
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


class Llava(ImageText):
    """LLaVA 1.5 and its relatives: CLIP, a two-layer projector, a Llama-shaped text model.

    Boxes are mapped as the checkpoint's image processor maps pixels (LLaVA 1.5: centre crop). The prompt is the
    checkpoint's own chat template, or Vicuna's if it has none.
    """

    name: ClassVar[str] = "llava"
    pretrained: ClassVar[str] = "llava-hf/llava-1.5-7b-hf"
    model_types: ClassVar[tuple[str, ...]] = ("llava",)
    mark: ClassVar[str] = IMAGE
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("llava-hf/llava-1.5-7b-hf", "Llama 2", 14.1),
            KnownCheckpoint("llava-hf/llava-1.5-13b-hf", "Llama 2", 26.7),
        ),
        tokens="576 (24 x 24)",
        prompt="the checkpoint's template, else `USER: <image>\\n{text} ASSISTANT:`",
        preprocessing="as its image processor: centre crop, 336 x 336",
        verified="true small files of 7B; tiny weights",
        not_verified="real weights",
    )
    #: Whether `pixels` pads images to a square before the image processor sees them.
    squared: ClassVar[bool] = False

    def __init__(self, model: Any, tokenizer: Any, image_processor: Any, *more: Any, **named: Any) -> None:
        super().__init__(model, tokenizer, image_processor, *more, **named)
        vision = self.model.config.vision_config
        self.placement = Placement(image_processor, vision, self.squared)
        class_token = TOWERS[vision.model_type]
        self.extra_tokens = int(class_token and self.model.config.vision_feature_select_strategy != "default")

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another family by its config.json, `raw`.

        Raises:
            CheckpointError: The message names the field and its value.
        """
        if raw.get("model_type") == "llava" and "text_config" in raw:
            return
        raise CheckpointError(
            f"pretrained={pretrained!r}: model_type {raw.get('model_type')!r}"
            f"{' without a text_config (num_hidden_layers and so on)' if raw.get('model_type') in ('llava', None) else ''} "
            f"is not one the {cls.name!r} family loads; allowed is 'llava' in transformers' layout "
            f"(LlavaForConditionalGeneration), such as {cls.pretrained}"
        )

    @classmethod
    def _config(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> tuple[Any, dict[str, str] | None]:
        config = LlavaConfig.from_dict(raw)
        text: Any = config.text_config
        if text.pad_token_id is None or text.pad_token_id >= text.vocab_size:  # unused here, so any valid id will do
            text.pad_token_id = text.eos_token_id if isinstance(text.eos_token_id, int) else None
        return config, None

    @classmethod
    def require_tower(cls, pretrained: str, config: Any) -> None:
        """Refuse a vision tower without one square input."""
        require_square_tower(pretrained, config)

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Check that painted images land where the processor's settings say."""
        Placement(processor, config.vision_config, cls.squared).check()

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of CLIP's patches, projected."""
        return torch.cat(list(self.model.get_image_features(self.on_tower(images)).pooler_output)), ()

    def prepare(self, picture: Picture) -> PreparedImage:
        """Return one view; with a class token before the patches if the checkpoint keeps it."""
        views = self.lay(*picture.rgb.size)  # refuses images that would become huge
        patches = self.placement.patches**2
        cells = torch.arange(self.extra_tokens, self.extra_tokens + patches)
        pixels = self.pixels(picture.rgb)
        return PreparedImage(picture.hash, pixels, self.extra_tokens + patches, cells, views, self.placement.side)

    def pixels(self, image: Image.Image) -> Tensor:
        """Prepare an image for the vision tower: (1, 3, height, width), float32."""
        pixels: Tensor = self.image_processor(images=image, return_tensors="pt")["pixel_values"]
        return pixels

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """Return the real mapping of an image of this size, as the image processor makes it; see `Placement`."""
        return (self.placement.lay(width, height),)

    def render(self, body: str) -> str:
        """Render the user's message (images marked `<image>`) up to the place where the answer begins."""
        return f"USER: {body} ASSISTANT:" if self.chat_template is None else super().render(body)
