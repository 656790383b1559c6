"""InternVL3 and InternVL3.5 in transformers' layout (the `-hf` repositories).

An image is cut into up to `max_tiles` square tiles, followed by a thumbnail of the whole. The tiles together are one view, the
thumbnail is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas

from lmms_vg.models.base import FamilyCard, KnownCheckpoint, PreparedImage
from lmms_vg.models.fields import require_choice_option, require_integer_option
from lmms_vg.models.image_text import ImageText
from lmms_vg.vision.images import Picture
from lmms_vg.vision.patch_grid import Geometry


@dataclass(frozen=True)
class InternVLOptions:
    """Settings that change the grid.

    Attributes:
        max_tiles: Most tiles of an image; 1 gives every image 256 tokens.
        view: The view on which attention is measured, "tiles" or "thumbnail"; an image of one tile has only that.
    """

    max_tiles: int = 12
    view: str = "tiles"

    def __post_init__(self) -> None:
        require_integer_option("max_tiles", self.max_tiles, 1)
        require_choice_option("view", self.view, ("tiles", "thumbnail"))


class InternVL(ImageText):
    """InternVL3 and InternVL3.5 (Zhu et al., 2025)."""

    name: ClassVar[str] = "internvl"
    pretrained: ClassVar[str] = "OpenGVLab/InternVL3-8B-hf"
    model_types: ClassVar[tuple[str, ...]] = ("internvl",)
    mark: ClassVar[str] = "<IMG_CONTEXT>"
    roles: ClassVar[tuple[str, ...]] = ("<img>", "</img>", "<video>")
    processor: ClassVar[str | None] = "GotOcr2ImageProcessor"
    placed: ClassVar[str | None] = "<img><IMG_CONTEXT></img>"
    options: ClassVar[type[Any]] = InternVLOptions
    card: ClassVar[FamilyCard] = FamilyCard(
        checkpoints=(
            KnownCheckpoint("OpenGVLab/InternVL3-2B-hf", "Qwen", 4.2),
            KnownCheckpoint("OpenGVLab/InternVL3-8B-hf", "Qwen", 15.9),
            KnownCheckpoint("OpenGVLab/InternVL3-14B-hf", "Qwen", 30.2),
            KnownCheckpoint("OpenGVLab/InternVL3-38B-hf", "Qwen", 76.8),
            KnownCheckpoint("OpenGVLab/InternVL3_5-8B-HF", "Apache-2.0", 17.1),
        ),
        tokens="256 a tile, up to 12 tiles and a thumbnail: 3,328; with `max_tiles=1` 256",
        prompt="the checkpoint's template, ChatML",
        preprocessing="stretched to tiles of 448 x 448",
        verified="tiny weights against transformers",
        not_verified="real weights; the hub's own templates",
    )

    @classmethod
    def check_processor(cls, processor: Any, config: Any) -> None:
        """Refuse tiles of another size than the vision tower's.

        Raises:
            ValueError: The tiles have another size.
        """
        high, wide = config.vision_config.image_size
        if dict(processor.size) != {"height": high, "width": wide}:
            raise ValueError(f"size={dict(processor.size)}: the vision tower takes {wide} x {high} pixels")

    def _tiles(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of tiles."""
        size = self.image_processor.size
        cols, rows = get_optimal_tiled_canvas(
            (height, width), (size["height"], size["width"]), 1, self.settings.max_tiles
        )
        return rows, cols

    @property
    def _side(self) -> int:
        """Image tokens along each side of a tile."""
        return isqrt(self.model.config.image_seq_length)

    def views(self, width: int, height: int) -> tuple[Geometry, ...]:
        """Tiles and thumbnail both show the whole image, stretched."""
        rows, cols = self._tiles(width, height)
        tiles = Geometry.stretch(width, height, rows * self._side, cols * self._side)
        if rows * cols == 1:
            return (tiles,)
        thumbnail = Geometry.stretch(width, height, self._side, self._side)
        return (tiles, thumbnail) if self.settings.view == "tiles" else (thumbnail, tiles)

    def prepare(self, picture: Picture) -> PreparedImage:
        """Tiles row by row, then the thumbnail; each becomes `image_seq_length` tokens."""
        rows, cols = self._tiles(*picture.rgb.size)
        most = self.settings.max_tiles
        processed = self.image_processor(
            images=picture.rgb, crop_to_patches=True, min_patches=1, max_patches=most, return_tensors="pt"
        )
        pixels, tokens = processed["pixel_values"], self._side**2
        if len(pixels) != rows * cols + (rows * cols > 1):
            raise self.mismatch(f"the image processor made {len(pixels)} tiles, expected {rows} x {cols}")
        in_tiles = torch.arange(rows * cols * tokens).view(rows, cols, self._side, self._side)
        cells = [in_tiles.transpose(1, 2).flatten()]
        if rows * cols > 1:
            cells.append(torch.arange(rows * cols * tokens, len(pixels) * tokens))
        measured = rows * cols
        if self.settings.view == "thumbnail":
            cells, measured = cells[::-1], 1
        side = isqrt(measured * pixels.shape[-1] * pixels.shape[-2])
        views = self.lay(*picture.rgb.size)
        return PreparedImage(picture.hash, pixels, len(pixels) * tokens, torch.cat(cells), views, side)

    def features(self, images: Sequence[PreparedImage]) -> tuple[Tensor, Sequence[Tensor]]:
        """Features of all tiles, each row by row."""
        return self.model.get_image_features(self.on_tower(images)).pooler_output.flatten(0, 1), ()
