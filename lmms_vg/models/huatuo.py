"""HuatuoGPT-Vision: the `-hf` repositories, and the original LLaVA layout converted in memory.

The prompt is plain text without a begin-of-text token or system prompt. Images are padded to a square with the
processor's mean colour before CLIP sees them; the `-hf` processors do not do that by themselves. The `-hf`
configurations state a pad token outside their vocabulary. The original repositories (Qwen2 for 7B, Yi, which is
llama, for 34B) hold the same tensors under LLaVA's older names.
"""

from __future__ import annotations

from typing import Any, ClassVar

from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor

from lmms_vg.models.checkpoint import CheckpointError, read_json
from lmms_vg.models.fields import refuse
from lmms_vg.models.huatuo_checkpoint import ROLES, difference, has_role_words, not_huatuo
from lmms_vg.models.llava import Llava
from lmms_vg.models.original_layout import (
    RENAMING,
    TEXT_MODELS,
    config_of,
    image_processor,
    is_original,
    require_image_fields,
)
from lmms_vg.vision.images import pad_to_square


class Huatuo(Llava):
    """HuatuoGPT-Vision 7B and 34B (Chen et al., 2024)."""

    name: ClassVar[str] = "huatuo"
    pretrained: ClassVar[str] = "FreedomIntelligence/HuatuoGPT-Vision-7B-hf"
    roles: ClassVar[tuple[str, ...]] = ROLES
    begin_of_text: ClassVar[bool] = False
    squared: ClassVar[bool] = True

    def render(self, body: str) -> str:
        """Put the role marks of HuatuoGPT-Vision around the user's message."""
        return f"<|user|>\n{body}\n<|assistant|>\n"

    def pixels(self, image: Image.Image) -> Tensor:
        """Pad an image to a square with the processor's mean colour, then prepare it."""
        red, green, blue = (int(mean * 255) for mean in self.image_processor.image_mean)
        return super().pixels(pad_to_square(image, (red, green, blue)))

    @classmethod
    def require_own(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> None:
        """Refuse what is no HuatuoGPT-Vision, unless its vocabulary has the role marks of this prompt."""
        if not is_original(raw):
            super().require_own(pretrained, revision, raw)
        elif raw.get("model_type") not in TEXT_MODELS:
            raise CheckpointError(not_huatuo(pretrained, raw, f"its model_type is {raw.get('model_type')!r}"))
        else:
            require_image_fields(pretrained, raw)
        reason = difference(raw)
        if reason and not has_role_words(pretrained, revision):
            raise CheckpointError(not_huatuo(pretrained, raw, reason))

    @classmethod
    def _config(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> tuple[Any, dict[str, str] | None]:
        if is_original(raw):
            return config_of(pretrained, revision, raw), RENAMING
        return super()._config(pretrained, revision, raw)

    @classmethod
    def _image_processor(cls, pretrained: str, revision: str | None, config: Any, raw: dict[str, Any]) -> Any:
        processor = cls._stored_processor(pretrained, revision, config, raw)
        mean = processor.image_mean
        if not isinstance(mean, list | tuple) or len(mean) != 3 or not all(0 <= part <= 1 for part in mean):
            allowed = "three numbers from 0 to 1: images are padded to a square in this colour"
            raise refuse(pretrained, "the image processor", "image_mean", mean, allowed)
        return processor

    @classmethod
    def _stored_processor(cls, pretrained: str, revision: str | None, config: Any, raw: dict[str, Any]) -> Any:
        stored = image_processor(pretrained, revision, raw) if is_original(raw) else None
        if stored is not None:
            return stored
        if not is_original(raw) or read_json(pretrained, revision, "preprocessor_config.json") is not None:
            return super()._image_processor(pretrained, revision, config, raw)
        vision: Any = config.vision_config
        side = vision.image_size
        return CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})

    @classmethod
    def _chat_template(cls, pretrained: str, revision: str | None, tokenizer: Any) -> str | None:
        return None  # `render` is the template: the model was not trained on the repositories' own
