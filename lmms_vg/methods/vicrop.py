"""ViCrop (Zhang et al., "MLLMs Know Where to Look", ICLR 2025): answer from the image and a crop of where the model looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.gradient import gradient
from lmms_vg.methods.base import Method, require_image, require_integer
from lmms_vg.methods.tiles import Tile, join, split
from lmms_vg.methods.window import Window, search
from lmms_vg.models.base import Prompt
from lmms_vg.models.checkpoint import Shape
from lmms_vg.vision.images import Picture, open_picture
from lmms_vg.vision.patch_grid import Geometry


@dataclass(frozen=True)
class ViCrop(Method):
    """ViCrop (Zhang et al., ICLR 2025): answers from the image and a crop of where the model looks.

    The map is the last prompt token's attention to the first image at one layer. "rel": the mean over heads, divided by the
    same mean of the reference prompt. "grad": the mean over heads of the attention times max(0, g), where g is the gradient
    of the most likely first token's log-probability with respect to the attention; the reference is not used. The window that
    stands out most in the map (`window.search`, with sides of 1 to 2 times the model's input size in image pixels) is cropped
    and inserted directly after the image as a second image; the text does not change.

    Differences from the released code: patches are placed where the image's pixels really are (there, the map is taken for
    the whole image), so padding is left out and pixels that a centre crop removes are not searched; a window has at least one
    patch. Images above 1024 pixels are split into ceil(height / 1024) x ceil(width / 1024) tiles (there, the columns follow
    from the rows and the side ratio, and a portrait image of up to 1024 pixels' height fails). The tiles' maps are joined by
    area, as there without normalising each; smaller images are not split. The family defines how two images are written.

    Paper: Zhang et al., "MLLMs Know Where to Look: Training-free Perception of Small Visual Details with Multimodal LLMs",
        ICLR 2025
    Source: saccharomycetes/mllms_know; its maps, window search and two-image prompt. Not taken: its geometry and tiling (see
        above), its third map (pure gradient)
    Layers: one is read, 14 of 32 (LLaVA-1.5), in proportion for other depths; none is edited
    Heads: all, averaged
    Rows: the last prompt token
    Softmax: -
    Phase: -

    Attributes:
        layer: 0-based layer of the map (released: 14 of LLaVA-1.5's 32). Default: depth * 14/32, rounded half up.
        map: "rel" or "grad" (released: rel-att, grad-att).
        high_res: whether images with a side above 1024 pixels are split into tiles (released: a separate method).
    """

    name: ClassVar[str] = "vicrop"

    layer: int
    map: Literal["rel", "grad"] = "rel"
    high_res: bool = True

    def __post_init__(self) -> None:
        require_integer(self, "layer", 0)
        if self.map not in ("rel", "grad"):
            raise ValueError(f"map={self.map!r}: allowed is 'rel' or 'grad'")
        if not isinstance(self.high_res, bool):
            raise ValueError(f"high_res={self.high_res!r}: allowed is true or false")

    @classmethod
    def for_checkpoint(  # type: ignore[override]  # the hyper-parameters, spelt out
        cls, shape: Shape, layer: int | None = None, map: Literal["rel", "grad"] = "rel", high_res: bool = True
    ) -> ViCrop:
        """Create the method; `layer` defaults to depth * 14/32, rounded half up.

        Raises:
            ValueError: the checkpoint lacks the layer, or a value is not allowed.
        """
        method = cls((14 * shape.layers + 16) // 32 if layer is None else layer, map, high_res)
        if method.layer >= shape.layers:
            raise ValueError(f"layer={layer}: {shape.pretrained!r} allows 0 to {shape.layers - 1}")
        return method

    def prefill(self, batch: Batch) -> Pass:
        require_image(self, batch)
        windows = self._windows(batch)
        prompts, references = [], []
        for window, prompt, reference in zip(windows, batch.layout.prompts, batch.reference.prompts, strict=True):
            image = _first(prompt)
            images = image, open_picture(image.rgb.crop(window.box))
            prompts.append(_about(batch, prompt, *images))
            references.append(_about(batch, reference, *images))
        both = batch.beside(prompts, references, answers=True).prefill()
        for extra, window in zip(both.extras, windows, strict=True):
            extra |= {"crop_box": list(window.box), "crop_ratio": window.ratio}
        return both

    def _windows(self, batch: Batch) -> list[Window]:
        """Windows to crop from each question's first image."""
        sizes = [_first(prompt).rgb.size for prompt in batch.layout.prompts]
        tiles = [split(*size) if self.high_res else [] for size in sizes]
        whole = [*self._maps(batch)] if any(len(parts) < 2 for parts in tiles) else []
        windows = []
        for row, (prompt, size, parts) in enumerate(zip(batch.layout.prompts, sizes, tiles, strict=True)):
            if len(parts) < 2:
                values, geometry = whole[row], batch.layout.family.views(*size)[0]
            else:
                values, geometry = self._in_tiles(batch, row, parts)
            windows.append(search(values, geometry, base=prompt.images[0].side))
        return windows

    def _in_tiles(self, batch: Batch, row: int, tiles: list[Tile]) -> tuple[NDArray[Any], Geometry]:
        """Map of a large image and its geometry, one tile at a time: all tiles together may not fit in memory."""
        prompt, reference = batch.layout.prompts[row], batch.reference.prompts[row]
        maps, geometries = [], []
        for tile in tiles:
            picture = open_picture(_first(prompt).rgb.crop(tile))
            asked = batch.beside([_about(batch, prompt, picture)], [_about(batch, reference, picture)])
            maps.append(self._maps(asked)[0])
            geometries.append(batch.layout.family.views(*picture.rgb.size)[0])
        return join(tiles, maps, geometries)

    def _maps(self, batch: Batch) -> NDArray[Any]:
        """(B, rows, cols): where the model looks in each question's first image.

        Raises:
            ValueError: the map is not finite.
        """
        asked = batch.unedited.maps("last", [self.layer])[self.layer]
        if self.map == "grad":
            values = (asked * gradient(batch.unedited, self.layer).relu()).mean(1)
        else:
            values = asked.mean(1) / batch.reference.maps("last", [self.layer])[self.layer].mean(1)
        grid = batch.layout.prompts[0].images[0].views[0]
        values = values[:, : grid.rows * grid.cols]
        if not values.isfinite().all():
            raise ValueError(
                f"the {self.map!r} map of layer {self.layer} is not finite (NaN or infinite); check the weights, or "
                "try dtype=float32"
            )
        return values.reshape(-1, grid.rows, grid.cols).cpu().numpy()


def _first(prompt: Prompt) -> Picture:
    return next(part for part in prompt.content if isinstance(part, Picture))


def _about(batch: Batch, prompt: Prompt, *pictures: Picture) -> Prompt:
    """Return the same message with `pictures` in place of its first image."""
    place = prompt.content.index(_first(prompt))
    return batch.layout.family.prompt([*prompt.content[:place], *pictures, *prompt.content[place + 1 :]])
