"""LLaVA-NeXT (LLaVA-1.6) in transformers' layout.

An image is seen twice: as a whole, stretched to the vision tower's square (the base), and in tiles (the fine view). Of the
tiles, the patches that hold only padding are cut off, and a token that stands for a line break follows each row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers.image_processing_utils import select_best_resolution

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage, Prompt
from lmms_vg.models.fields import require_choice_option, require_square_tower
from lmms_vg.models.image_text import ImageText
from lmms_vg.models.prompts import IMAGE
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Axis, Geometry


@dataclass(frozen=True)
class LlavaNextOptions:
    """Settings of what is measured.

    Attributes:
        view: The view on which attention is measured, "base" or "fine".
    """

    view: str = "base"

    def __post_init__(self) -> None:
        require_choice_option("view", self.view, ("base", "fine"))


class LlavaNext(ImageText):
    """LLaVA-NeXT (Liu et al., 2024): Vicuna, Mistral and Yi (34B)."""

    name: ClassVar[str] = "llava_next"
    pretrained: ClassVar[str] = "llava-hf/llava-v1.6-vicuna-7b-hf"
    model_types: ClassVar[tuple[str, ...]] = ("llava_next",)
    mark: ClassVar[str] = IMAGE
    processor: ClassVar[str | None] = "LlavaNextImageProcessor"
    options: ClassVar[type[Any]] = LlavaNextOptions
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("llava-hf/llava-v1.6-vicuna-7b-hf", "Llama 2", 14.1),
            KnownCheckpoint("llava-hf/llava-v1.6-vicuna-13b-hf", "Llama 2", 26.7),
            KnownCheckpoint("llava-hf/llava-v1.6-mistral-7b-hf", "Apache-2.0", 15.1),
            KnownCheckpoint("llava-hf/llava-v1.6-34b-hf", "Apache-2.0", 69.5),
        ),
        tokens="576 and those of the tiles: 2,340 at 640 x 480",
        prompt="the checkpoint's template, else Vicuna's",
        preprocessing="the base is stretched to 336 x 336, tiles keep the aspect ratio",
        verified="true config.json of mistral-7b; tiny weights against transformers",
        not_verified="real weights; the hub's own templates",
    )

    @classmethod
    def require_tower(cls, pretrained: str, config: Any) -> None:
        """Refuse a vision tower without one square input."""
        require_square_tower(pretrained, config)

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Refuse tiles of another size, or for other canvases, than the model's; larger ones would lose their edges.

        Raises:
            ValueError: The tiles have another size, or their canvases are others.
        """
        side = config.vision_config.image_size
        square = {"height": side, "width": side}
        if dict(processor.crop_size) != square:
            raise ValueError(f"crop_size={dict(processor.crop_size)}: the vision tower takes {side} x {side} pixels")
        if dict(processor.size) not in (square, {"shortest_edge": side}):
            raise ValueError(f"size={dict(processor.size)}: the vision tower takes {side} x {side} pixels")
        if [list(pair) for pair in processor.image_grid_pinpoints] != [
            list(pair) for pair in config.image_grid_pinpoints
        ]:
            raise ValueError("image_grid_pinpoints are not those of config.json")

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """The base is stretched; the fine view is the image, fitted into a canvas and cut to whole patches.

        Raises:
            ValueError: The image is so elongated that no row or column of patches is left in the tiles.
        """
        vision = self.model.config.vision_config
        patch, cells = vision.patch_size, vision.image_size // vision.patch_size
        base = Geometry.stretch(width, height, cells, cells)
        high, wide = select_best_resolution((height, width), self.model.config.image_grid_pinpoints)
        if wide / width < high / height:
            fitted = wide, min(math.ceil(height * (wide / width)), high)
        else:
            fitted = min(math.ceil(width * (high / height)), wide), high
        rows, cols = high // patch, wide // patch
        cut_x = cut_y = 0  # patches of padding that the model cuts off, as it rounds
        if width / height > cols / rows:
            cut_y = (rows - int(round(height * (cols / width), 7))) // 2
        else:
            cut_x = (cols - int(round(width * (rows / height), 7))) // 2
        fine = Geometry(_fitted(width, fitted[0], wide, cut_x, patch), _fitted(height, fitted[1], high, cut_y, patch))
        if min(fine.rows, fine.cols) < 1:
            raise ValueError(
                f"image of {width} x {height} pixels: none of its rows or columns of patches would be left in the tiles; "
                "store a version that is less elongated"
            )
        return (base, fine) if self.settings.view == "base" else (fine, base)

    def prepare(self, picture: Picture) -> PreparedImage:
        """Return the base, then the rows of the fine view, each with its line break."""
        views, fine_is_measured = self.views(*picture.rgb.size), self.settings.view == "fine"
        fine, base = views if fine_is_measured else views[::-1]
        first = base.rows * base.cols
        row, col = torch.arange(fine.rows)[:, None], torch.arange(fine.cols)
        cells = [torch.arange(first), (first + row * (fine.cols + 1) + col).flatten()]
        pixels = self.image_processor(images=picture.rgb, return_tensors="pt")["pixel_values"]
        side = self.model.config.vision_config.image_size
        if fine_is_measured:
            cells, side = cells[::-1], side * math.isqrt(fine.rows * fine.cols) // base.rows
        tokens = first + fine.rows * (fine.cols + 1)
        return PreparedImage(picture.hash, pixels, tokens, torch.cat(cells), self.lay(*picture.rgb.size), side)

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of each image, with line breaks in place."""
        parts = []
        for image in images:
            pixels = self.on_tower([image])
            (features,) = self.model.get_image_features(pixels, self._sizes([image]).to(pixels.device)).pooler_output
            if len(features) != image.tokens:
                raise self.mismatch(f"the vision tower gave {len(features)} image tokens, expected {image.tokens}")
            parts.append(features)
        return torch.cat(parts), ()

    def stock_inputs(self, prompt: Prompt) -> dict[str, Tensor]:
        """Return also the sizes of the images."""
        sizes = {"image_sizes": self._sizes(prompt.images).to(self.model.device)} if prompt.images else {}
        return super().stock_inputs(prompt) | sizes

    def stacked(self, images: Sequence[PreparedImage]) -> Tensor:
        """Images of fewer tiles are padded with empty ones."""
        most = max(image.pixels.shape[1] for image in images)
        return torch.cat(
            [torch.nn.functional.pad(image.pixels, (0, 0) * 3 + (0, most - image.pixels.shape[1])) for image in images]
        )

    def render(self, body: str) -> str:
        """Render in the checkpoint's template, or in Vicuna's if it has none."""
        if self.chat_template is not None:
            return super().render(body)
        return (
            "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
            f"detailed, and polite answers to the human's questions. USER: {body} ASSISTANT:"
        )

    @staticmethod
    def _sizes(images: Sequence[PreparedImage]) -> Tensor:
        """Height and width of each image in pixels, (I, 2)."""
        return torch.tensor([[image.views[0].height, image.views[0].width] for image in images])


def _fitted(pixels: int, fitted: int, canvas: int, cut: int, patch: int) -> Axis:
    """Return an axis that is resized to `fitted`, centred on `canvas`, and loses `cut` patches at each end."""
    shift = (canvas - fitted) // 2 - cut * patch
    return Axis(pixels, canvas // patch - 2 * cut, scale=fitted, shift=shift * pixels, unit=pixels * patch)
