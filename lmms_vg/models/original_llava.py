"""Families with checkpoints in LLaVA's original layout beside transformers' own, asked in a prompt of the family's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor

from lmms_vg.models.checkpoint import read_json
from lmms_vg.models.fields import refuse
from lmms_vg.models.llava import Llava
from lmms_vg.models.original_layout import RENAMING, config_of, image_processor, is_original
from lmms_vg.vision.images import pad_to_square


class OriginalLlava(Llava):
    """A LLaVA that was trained with LLaVA's own code, which pads images to a square before CLIP sees them.

    The processors of conversions do not do that by themselves.
    """

    #: Model types of the original layout -> model types of their text models.
    originals: ClassVar[Mapping[str, str]]
    squared: ClassVar[bool] = True

    def pixels(self, image: Image.Image) -> Tensor:
        """Pad an image to a square with the processor's mean colour, then prepare it."""
        red, green, blue = (int(mean * 255) for mean in self.image_processor.image_mean)
        return super().pixels(pad_to_square(image, (red, green, blue)))

    @classmethod
    def _config(cls, pretrained: str, revision: str | None, raw: dict[str, Any]) -> tuple[Any, dict[str, str] | None]:
        if is_original(raw):
            return config_of(pretrained, revision, raw, cls.originals[raw["model_type"]]), RENAMING
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
