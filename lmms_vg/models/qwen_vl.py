"""Qwen2-VL, Qwen2.5-VL, Qwen3-VL, and medical models made from them (HuatuoGPT-Vision-7B-Qwen2.5VL, MedVLM-R1; `lingshu`).

An image keeps its aspect ratio: it is resized to whole patches within a number of pixels, and the grid follows from its size.
Image tokens have rotary positions in height and width; Qwen3-VL adds features of the vision tower to its first layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage, Prompt
from lmms_vg.models.fields import require_integer_option, require_resizing
from lmms_vg.models.image_text import ImageText
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


@dataclass(frozen=True)
class QwenOptions:
    """Settings that change the grid; the defaults are those of lmms-eval's `qwen2_5_vl` and `qwen3_vl`.

    Attributes:
        max_pixels: Largest area, in pixels, that images are resized to. The paper's attention study has 50176.
        min_pixels: Smallest such area.
    """

    max_pixels: int = 1_605_632
    min_pixels: int = 200_704

    def __post_init__(self) -> None:
        require_integer_option("max_pixels", self.max_pixels, 1)
        if self.min_pixels == QwenOptions.min_pixels > self.max_pixels:
            raise ValueError(
                f"max_pixels={self.max_pixels!r} is below min_pixels={self.min_pixels}, its default: give a smaller min_pixels "
                "too (the paper's attention study has max_pixels=50176,min_pixels=784)"
            )
        require_integer_option("min_pixels", self.min_pixels, 1, self.max_pixels)


class QwenVL(ImageText):
    """Qwen2-VL, Qwen2.5-VL and Qwen3-VL (Bai et al., 2025)."""

    name: ClassVar[str] = "qwen_vl"
    pretrained: ClassVar[str] = "Qwen/Qwen2.5-VL-7B-Instruct"
    model_types: ClassVar[tuple[str, ...]] = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
    mark: ClassVar[str] = "<|image_pad|>"
    roles: ClassVar[tuple[str, ...]] = ("<|vision_start|>", "<|vision_end|>", "<|video_pad|>")
    processor: ClassVar[str | None] = "Qwen2VLImageProcessor"
    options: ClassVar[type[Any]] = QwenOptions
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen research", 7.5),
            KnownCheckpoint("Qwen/Qwen2.5-VL-7B-Instruct", "Apache-2.0", 16.6),
            KnownCheckpoint("Qwen/Qwen2.5-VL-32B-Instruct", "Apache-2.0", 66.9),
            KnownCheckpoint("Qwen/Qwen2.5-VL-72B-Instruct", "Qwen", 146.8),
            KnownCheckpoint("Qwen/Qwen3-VL-4B-Instruct", "Apache-2.0", 8.9),
            KnownCheckpoint("Qwen/Qwen3-VL-8B-Instruct", "Apache-2.0", 17.5),
            KnownCheckpoint("Qwen/Qwen3-VL-32B-Instruct", "Apache-2.0", 66.7),
            KnownCheckpoint("Qwen/Qwen2-VL-7B-Instruct", "Apache-2.0", 16.6),
            KnownCheckpoint("FreedomIntelligence/HuatuoGPT-Vision-7B-Qwen2.5VL", "see its page", 16.6),
            KnownCheckpoint("JZPeterPan/MedVLM-R1", "Apache-2.0", 4.4),
        ),
        tokens="256 to 2,048 by size (Qwen3-VL 196 to 1,568); with `max_pixels=50176` at most 64 (49)",
        prompt="the checkpoint's template, ChatML",
        preprocessing="resized to whole patches, aspect ratio kept nearly",
        verified="tiny weights of three versions against transformers",
        not_verified="real weights; the hub's own templates",
    )

    @classmethod
    def check_options(cls, config: Any, options: Any) -> None:
        """Refuse an area below one image token."""
        least = (config.vision_config.patch_size * config.vision_config.spatial_merge_size) ** 2
        require_integer_option("max_pixels", options.max_pixels, least)

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Refuse a processor of other patches than the vision tower's, and one that leaves images as large as they are.

        Raises:
            ValueError: The processor makes other patches, or does not resize.
        """
        require_resizing(processor)
        vision = config.vision_config
        stated = processor.patch_size, processor.merge_size, processor.temporal_patch_size
        if stated != (vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size):
            raise ValueError(
                f"patch_size, merge_size, temporal_patch_size are {stated}, which the vision tower does not take"
            )

    @property
    def _merged(self) -> int:
        """Patches along each side of an image token."""
        merged: int = self.model.config.vision_config.spatial_merge_size
        return merged

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """One view: each axis is resized by itself to whole patches, so that the grid covers the image exactly.

        Raises:
            ValueError: The image is too elongated.
        """
        factor = self.model.config.vision_config.patch_size * self._merged
        settings = self.settings
        try:
            high, wide = smart_resize(height, width, factor, settings.min_pixels, settings.max_pixels)
        except ValueError as problem:
            raise ValueError(
                f"image of {width} x {height} pixels: {problem}; store a version that is less elongated"
            ) from problem
        return (Geometry.stretch(width, height, high // factor, wide // factor),)

    def prepare(self, picture: Picture) -> PreparedImage:
        """Patches of the resized image, in the order of the image tokens.

        Raises:
            ValueError: The image is too elongated, or the image processor made another grid than `views` expects.
        """
        (view,) = self.lay(*picture.rgb.size)
        size = {"shortest_edge": self.settings.min_pixels, "longest_edge": self.settings.max_pixels}
        inputs = self.image_processor(images=picture.rgb, size=size, return_tensors="pt")
        if inputs["image_grid_thw"].tolist() != self._grids([view]).tolist():
            raise ValueError(f"the image processor made the grid {inputs['image_grid_thw'].tolist()}, expected {view}")
        tokens = view.rows * view.cols
        side = isqrt(tokens) * self.model.config.vision_config.patch_size * self._merged
        return PreparedImage(picture.hash, inputs["pixel_values"], tokens, torch.arange(tokens), (view,), side)

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of merged patches, and those that Qwen3-VL adds behind its first layers."""
        pixels = torch.cat([image.pixels for image in images]).to(self.model.model.visual.device)
        grids = self._grids([image.views[0] for image in images]).to(pixels.device)
        output = self.model.model.get_image_features(pixels, grids)
        deep = getattr(output, "deepstack_features", None) or ()
        return torch.cat(list(output.pooler_output)), [torch.cat(list(level)) for level in deep]

    def positions(self, length: int, starts: Sequence[int], images: Sequence[PreparedImage]) -> Tensor:
        """Text counts on; an image starts at one time, its cells count rows and columns, and text goes on behind the longer."""
        parts, token, place = [], 0, 0
        for start, image in zip(starts, images, strict=True):
            parts.append((torch.arange(start - token) + place).expand(3, -1))
            place += start - token
            (view,) = image.views
            cell = torch.arange(image.tokens)
            parts.append(place + torch.stack([torch.zeros_like(cell), cell // view.cols, cell % view.cols]))
            place += max(view.rows, view.cols)
            token = start + image.tokens
        return torch.cat(parts, dim=1)

    def noise(self, image: PreparedImage, generator: torch.Generator) -> Tensor:
        """Noise that is the same in every frame: a picture is shown to the tower as a film of equal frames."""
        vision = self.model.config.vision_config
        frames, area = vision.temporal_patch_size, vision.patch_size**2
        noise = torch.randn(len(image.pixels), 3, 1, area, generator=generator)
        return noise.expand(-1, -1, frames, -1).reshape(image.pixels.shape)

    def stock_inputs(self, prompt: Prompt) -> dict[str, Tensor]:
        """Return also the grids, and which tokens are of an image."""
        inputs = super().stock_inputs(prompt)
        inputs["mm_token_type_ids"] = (prompt.input_ids == self.image_id).int()[None].to(self.model.device)
        if prompt.images:
            inputs["image_grid_thw"] = self._grids([image.views[0] for image in prompt.images]).to(self.model.device)
        return inputs

    def _grids(self, views: Sequence[Geometry]) -> Tensor:
        """Frames, rows and columns of patches of each image, (I, 3)."""
        return torch.tensor([[1, view.rows * self._merged, view.cols * self._merged] for view in views])
