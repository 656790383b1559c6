"""The place of an image's pixels after an image processor: read from its settings, and checked against its results."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers.image_transforms import get_size_with_aspect_ratio
from transformers.image_utils import get_image_size_for_max_height_width

from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.vision.images import MAX_BYTES, PROCESSED, RESIZED, RGB, pad_to_square
from lmms_vg.vision.patch_grid import Geometry, Size

#: The settings that decide where pixels go.
FIELDS = ("do_pad", "pad_size", "do_resize", "size", "do_center_crop", "crop_size")


class Placement:
    """The mapping from images to the square input of a vision tower, as a processor makes it.

    The steps are those of transformers' processors, in their order: pad to a square (LLaVA's processor), resize, centre
    crop, pad at the end (the others).

    Args:
        processor: Image processor of transformers, of either backend.
        vision: Configuration of the vision tower.
        squared: Whether the family pads every image to a square before the processor sees it.

    Raises:
        CheckpointError: The tower takes images of more than one size.
    """

    def __init__(self, processor: Any, vision: Any, squared: bool = False) -> None:
        self.processor, self.squared = processor, squared
        side, patch = getattr(vision, "image_size", None), getattr(vision, "patch_size", None)
        if not isinstance(side, int) or not isinstance(patch, int):
            raise CheckpointError(
                f"vision tower {vision.model_type!r} with image_size={side!r}, patch_size={patch!r}: only towers with one "
                "square input are supported"
            )
        self.side, self.patch = side, patch
        #: Patches along each side; the tower does not see pixels after the last whole patch.
        self.patches = side // patch

    def lay(self, width: int, height: int) -> Geometry:
        """Return the mapping of an image of this size (pixels) to the patch grid.

        Raises:
            ValueError: The image would become huge, or would get a size that the tower does not take.
        """
        squares = hasattr(self.processor, "pad_to_square")
        square = self.squared or (squares and self._is_on("do_pad"))
        canvas = (max(width, height),) * 2 if square else (width, height)
        resized = self._resized(*canvas)
        needed = PROCESSED * canvas[0] * canvas[1] + RESIZED * resized[0] * resized[1]
        if canvas != (width, height):
            needed += RGB * width * height  # which is padded to another
        if min(resized) < 1 or needed > MAX_BYTES:
            raise ValueError(
                f"image of {width} x {height} pixels: padded to {canvas[0]} x {canvas[1]} and resized to {resized[0]} x "
                f"{resized[1]} it would take up to {needed / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:.0f} MB are taken; "
                "store a smaller version, or one that is less elongated"
            )
        final, offset = resized, (0, 0)
        if self._is_on("do_center_crop"):
            final = self._size("crop_size")
            offset = self._offset(resized[0], final[0]), self._offset(resized[1], final[1])
        if self._is_on("do_pad") and self._is_on("pad_size") and not squares:
            final = self._size("pad_size")
        if final != (self.side, self.side):
            raise ValueError(
                f"image of {width} x {height} pixels becomes {final[0]} x {final[1]}, but the vision tower takes "
                f"{self.side} x {self.side}: {self}"
            )
        extent = self.patches * self.patch
        grid = self.patches, self.patches
        return Geometry.prepared((width, height), grid, canvas, resized, offset, (extent, extent))

    def check(self) -> None:
        """Prepare painted images with the processor, and check that their pixels land where `lay` says.

        Raises:
            ValueError: They do not, or have a size that the tower does not take; the message has the processor's settings.
        """
        blur = 1 / self.patch  # interpolation moves an edge by less than a pixel of the tower's input
        for width, height in [(2 * self.side, 3 * self.side // 2), (3 * self.side // 2, 2 * self.side)]:
            geometry = self.lay(width, height)
            painted = np.zeros((height, width), dtype=np.uint8)
            painted[height * 2 // 5 :, width * 2 // 5 :] = 255
            shown = self._brightness(painted) - self._brightness(np.zeros_like(painted))
            if np.abs(shown - geometry.mask_of_pixels(painted > 0)).max() > blur:
                raise ValueError(f"pixels do not land where these settings say: {self}")

    def __str__(self) -> str:
        stated = {name: self._setting(name) for name in FIELDS}
        settings = ", ".join(f"{name}={value!r}" for name, value in stated.items() if value is not None)
        return f"{type(self.processor).__name__} in preprocessor_config.json has {settings}"

    def _setting(self, name: str) -> Any:
        value: Any = getattr(self.processor, name, None)
        return dict(value) if hasattr(value, "get") else value  # transformers' SizeDict is no dict

    def _is_on(self, name: str) -> bool:
        return bool(self._setting(name))

    def _size(self, name: str) -> Size:
        size = self._setting(name)
        if not isinstance(size, dict) or size.keys() != {"height", "width"}:
            raise ValueError(f"{name}={size!r}: allowed is height with width; {self}")
        return size["width"], size["height"]

    def _resized(self, width: int, height: int) -> Size:
        """Width and height (pixels) after resizing, rounded as the processor rounds."""
        if not self._is_on("do_resize"):
            return width, height
        size = self._setting("size")
        stated = set(size) if isinstance(size, dict) else set()
        if stated == {"shortest_edge"}:
            edge, short = size["shortest_edge"], min(width, height)
            return edge * width // short, edge * height // short
        if stated == {"shortest_edge", "longest_edge"}:
            return get_size_with_aspect_ratio((height, width), size["shortest_edge"], size["longest_edge"])[::-1]
        if stated == {"max_height", "max_width"}:
            return get_image_size_for_max_height_width((height, width), size["max_height"], size["max_width"])[::-1]
        if stated == {"height", "width"}:
            return size["width"], size["height"]
        raise ValueError(
            f"size={size!r}: allowed is shortest_edge, shortest_edge with longest_edge, height with width, or max_height "
            f"with max_width; {self}"
        )

    def _offset(self, length: int, crop: int) -> int:
        """Offset of an axis on its crop, in pixels: negative if it is cut, positive if black is added around it.

        An odd pixel of black comes after the image with torchvision, before it with PIL.
        """
        if crop > length and getattr(self.processor, "backend", "pil") == "torchvision":
            return (crop - length) // 2
        return -((length - crop) // 2)

    def _brightness(self, grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Mean brightness, 0 to 1, of each patch (patches, patches) of a grey image after the processor prepared it."""
        image = Image.fromarray(grey).convert("RGB")
        prepared = self.processor(
            images=pad_to_square(image, (0, 0, 0)) if self.squared else image,
            do_rescale=False,
            do_normalize=False,
            return_tensors="pt",
        )
        pixels = np.asarray(prepared["pixel_values"], dtype=np.float64)
        if pixels.shape != (1, 3, self.side, self.side):
            raise ValueError(
                f"pixels of shape {pixels.shape}, but the vision tower takes (1, 3, {self.side}, {self.side}): {self}"
            )
        extent = self.patches * self.patch
        cells = pixels[0, :, :extent, :extent].reshape(3, self.patches, self.patch, self.patches, self.patch)
        means: NDArray[np.float64] = cells.mean(axis=(0, 2, 4)) / 255
        return means
