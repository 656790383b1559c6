"""Boxes are mapped as pixels are: painted images go through the real image processors, and their output is compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import tiny
import torch
from checkpoint_table import documented_fields
from llavas import LLAVAS
from numpy.typing import NDArray
from PIL import Image
from transformers import (
    CLIPImageProcessor,
    ConvNextImageProcessor,
    LlavaImageProcessor,
    LlavaNextImageProcessor,
    SiglipImageProcessor,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from lmms_vg.demo.model import build_tokenizer
from lmms_vg.models import FAMILIES
from lmms_vg.models.base import NoOptions
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.llava import Llava
from lmms_vg.models.placement import Placement
from lmms_vg.vision.patch_grid import Geometry

SIDE, PATCH = tiny.SIDE, tiny.PATCH
GRID = SIDE // PATCH
CROP = {"height": SIDE, "width": SIDE}
BACKENDS = {
    "clip": [CLIPImageProcessor, CLIPImageProcessorPil],
    "llava": [LlavaImageProcessor, LlavaImageProcessorPil],
}
BILINEAR, NEAREST = 2, 0


class Case(NamedTuple):
    """Settings of a processor class, and the families that can use them with images of any shape."""

    kind: str
    settings: dict[str, Any]
    families: tuple[str, ...] = ("llava", "huatuo")


CASES = {
    "as published": Case("clip", {"size": {"shortest_edge": SIDE}}),
    "resized larger than cropped": Case("clip", {"size": {"shortest_edge": 61}}),
    "resized smaller than cropped": Case("clip", {"size": {"shortest_edge": 33}}),
    "stretched": Case("clip", {"size": CROP}),
    "stretched, not cropped": Case("clip", {"size": CROP, "do_center_crop": False}),
    "stretched, then cropped": Case("clip", {"size": {"height": 71, "width": 52}}),
    "one number, of both sides": Case("clip", {"size": SIDE, "default_to_square": True}),
    "one number, of the shorter side": Case("clip", {"size": 57, "default_to_square": False}),
    "not resized": Case("clip", {"do_resize": False}),
    "two edges": Case("clip", {"size": {"shortest_edge": SIDE, "longest_edge": 67}}),
    "fitted into": Case("clip", {"size": {"max_height": SIDE, "max_width": SIDE}}),
    "fitted into, padded behind": Case(
        "clip",
        {
            "size": {"max_height": 41, "max_width": SIDE},
            "do_center_crop": False,
            "do_pad": True,
            "pad_size": CROP,
        },
    ),
    "not cropped": Case("clip", {"size": {"shortest_edge": SIDE}, "do_center_crop": False}, ("huatuo",)),
    "padded to a square": Case("llava", {"size": {"shortest_edge": SIDE}, "do_pad": True}),
    "padded to a square, then cropped": Case("llava", {"size": {"shortest_edge": 57}, "do_pad": True}),
    "padded to a square, not cropped": Case("llava", {"size": CROP, "do_pad": True, "do_center_crop": False}),
}


def test_every_documented_field_of_placement_is_in_a_case() -> None:
    """`crop_size` is in all of them, and `image_processor_type` is the class, of which there are four."""
    documented = {name for (_, name), treatment in documented_fields().items() if treatment == {"placement"}}
    settings = {name for case in CASES.values() for name in case.settings}
    assert documented == settings | {"crop_size", "image_processor_type"}


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    return tiny.model(), build_tokenizer()


def families(loaded: tuple[Any, Any], case: Case, resample: int) -> Iterator[Llava]:
    """Cycle through each family with each backend's processor; padding has the same level in all channels."""
    settings = {
        "crop_size": CROP,
        "image_mean": [0.5] * 3,
        "image_std": [1.0] * 3,
        "resample": resample,
        **case.settings,
    }
    classes: list[Any] = [FAMILIES[name] for name in case.families]
    return cycle([family(*loaded, processor(**settings)) for processor in BACKENDS[case.kind] for family in classes])


def sizes(seed: int, n: int = 200) -> list[tuple[int, int]]:
    """Image sizes from half to four times the input's, eight of them odd."""
    drawn = np.exp(np.random.default_rng(seed).uniform(np.log(SIDE / 2), np.log(SIDE * 4), (n - 8, 2)))
    odd = [(SIDE, SIDE), (SIDE + 1, SIDE), (SIDE, SIDE - 1), (2 * SIDE, SIDE), (1, 1), (1, 7), (300, 9), (9, 300)]
    return [*odd, *((int(width), int(height)) for width, height in drawn)]


def levels(family: Llava, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(3, SIDE, SIDE): the levels, 0 to 255, that the model sees of an RGB image."""
    return (family.pixels(Image.fromarray(image)).numpy()[0].astype(np.float64) + 0.5) * 255


def cells(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels by patch, (GRID, GRID, pixels per patch)."""
    return pixels.reshape(GRID, PATCH, GRID, PATCH).transpose(0, 2, 1, 3).reshape(GRID, GRID, -1)


@pytest.mark.parametrize("case", CASES)
def test_the_patches_of_a_box_are_those_that_painting_it_changes(loaded: Any, case: str) -> None:
    """In 200 images all patches inside the box change, up to the reach of interpolation, and none beyond that.

    The box is painted red on black, so what was changed is where red differs from green. Linear interpolation reaches one
    pixel, of the image or of what the model sees, whichever is larger.
    """
    cycled = families(loaded, CASES[case], BILINEAR)
    rng = np.random.default_rng(0)
    inside = outside = 0
    for (width, height), family in zip(sizes(1), cycled, strict=False):
        x1, x2 = np.sort(rng.choice(width + 1, 2, replace=False)).tolist()
        y1, y2 = np.sort(rng.choice(height + 1, 2, replace=False)).tolist()
        image = np.zeros((height, width, 3), dtype=np.uint8)
        image[y1:y2, x1:x2, 0] = 255
        red, green, _ = levels(family, image)
        changed = cells(np.abs(red - green) > 0.5).any(-1)
        geometry = family.views(width, height)[0]
        left, top, right, bottom = geometry.patch_box(0, 0)
        dx, dy = max(1.0, (right - left) / PATCH), max(1.0, (bottom - top) / PATCH)
        kept = x2 - x1 > 2 * dx and y2 - y1 > 2 * dy
        must = geometry.patch_mask([(x1 + dx, y1 + dy, x2 - dx, y2 - dy)] * kept)
        may = np.zeros((GRID, GRID), dtype=bool)  # `patch_mask` would end at the image, but padding changes, too
        may[geometry.y.touched(y1 - dy, y2 + dy), geometry.x.touched(x1 - dx, x2 + dx)] = True
        assert changed[must].all(), (width, height, x1, y1, x2, y2)
        assert not changed[~may].any(), (width, height, x1, y1, x2, y2)
        inside, outside = inside + must.sum(), outside + (~may).sum()
    assert min(inside, outside) > 200 * GRID**2 / 20, "images on which there is nothing to see"


@pytest.mark.parametrize("case", CASES)
def test_every_pixel_that_the_model_sees_is_where_the_geometry_has_it(loaded: Any, case: str) -> None:
    """In 100 images whose colours count columns and rows, not interpolated, rounding is the processor's to the pixel."""
    cycled = families(loaded, CASES[case], NEAREST)
    centres = (np.arange(SIDE) + 0.5) / PATCH
    compared = 0
    for (width, height), family in zip(sizes(2, 100), cycled, strict=False):
        column, row = np.meshgrid(np.arange(width), np.arange(height))
        image = np.stack([column % 256, row % 256, 0 * row], axis=-1).astype(np.uint8)
        seen = levels(family, image).round()
        geometry = family.views(width, height)[0]
        x = np.array([geometry.x.to_pixel(centre) for centre in centres])
        y = np.array([geometry.y.to_pixel(centre) for centre in centres])
        x_seen, y_seen = (x > 0) & (x < width), (y > 0) & (y < height)  # the rest is padding
        clear_x, clear_y = (np.abs(at - at.round()) > 1e-6 for at in (x, y))  # no ties between two pixels
        shown = seen[:2][:, y_seen][:, :, x_seen]
        for values, at, clear in (
            (shown[0], x[x_seen], clear_x[x_seen]),
            (shown[1].T, y[y_seen], clear_y[y_seen]),
        ):
            expected = np.broadcast_to(np.floor(at) % 256, values.shape)
            np.testing.assert_array_equal(values[:, clear], expected[:, clear], f"{width} x {height}")
            compared += int(clear.sum())
    assert compared > 100 * SIDE


def test_pixels_behind_the_last_whole_patch_are_not_seen() -> None:
    """SigLIP has such an input: 384 pixels, of which 27 patches of 14 pixels cover 378."""
    tower = SimpleNamespace(model_type="siglip_vision_model", image_size=50, patch_size=8)
    placement = Placement(SiglipImageProcessor(size={"height": 50, "width": 50}), tower)
    placement.check()
    geometry = placement.lay(100, 50)
    assert (geometry.rows, geometry.cols) == (6, 6)
    assert geometry.patch_box(5, 5) == (80, 40, 96, 48)
    assert not geometry.patch_mask([(97, 0, 100, 50)]).any()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose weights cannot be read."""
    checkpoint = tiny.save(tmp_path_factory.mktemp("checkpoint") / "tiny")
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return checkpoint


def load(family: str, folder: Path, processor: Any) -> None:
    """Always raise CheckpointError: about the weights if the processor is accepted."""
    processor.save_pretrained(folder)
    FAMILIES[family].load(str(folder), None, torch.float32, "cpu", None, "true", NoOptions())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", LLAVAS)
def test_settings_that_a_family_cannot_follow_are_refused_before_the_weights(
    folder: Path, case: str, family: str
) -> None:
    kind, settings, families = CASES[case]
    places_as = "huatuo" if getattr(FAMILIES[family], "squared", False) else "llava"
    message = (
        "weights cannot be loaded"
        if places_as in families
        else "do_center_crop=False.*takes 48 x 48|48 x 48.*do_center_crop=False"
    )
    with pytest.raises(CheckpointError, match=message):
        load(family, folder, BACKENDS[kind][0](**{"crop_size": CROP, **settings}))


@pytest.mark.parametrize("family", LLAVAS)
@pytest.mark.parametrize(
    ("processor", "message"),
    [
        (CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=40), "becomes 40 x 40.*takes 48 x 48.*crop_size="),
        (CLIPImageProcessor(do_resize=False, do_center_crop=False), "takes 48 x 48: .*do_resize=False"),
        (CLIPImageProcessor(size={"longest_edge": SIDE}, crop_size=CROP), "size=.'longest_edge': 48.: allowed is"),
        (CLIPImageProcessor(size=CROP, crop_size=CROP, do_pad=True, pad_size=60), "becomes 60 x 60.*pad_size="),
        # these do not do what their settings say: one enlarges by crop_pct before it crops, one cuts tiles
        (
            ConvNextImageProcessor(size={"shortest_edge": SIDE}, crop_pct=0.5, do_center_crop=True, crop_size=CROP),
            "ConvNext",
        ),
        (
            LlavaNextImageProcessor(size={"shortest_edge": SIDE}, crop_size=CROP),
            r"pixels of shape \(1, \d+, 3, 48, 48\)",
        ),
    ],
)
def test_other_settings_and_processors_are_refused_by_name(
    folder: Path, family: str, processor: Any, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as refused:
        load(family, folder, processor)
    assert str(folder) in str(refused.value)


def test_stretch_remains_what_the_released_code_assumes(loaded: Any) -> None:
    """Boxes are spread over the grid whatever the processor does; ViCrop cuts pixels, so it keeps the true geometry."""
    model, tokenizer = loaded
    family = FAMILIES["huatuo"](
        model, tokenizer, CLIPImageProcessor(size={"shortest_edge": 61}, crop_size=CROP), geometry="stretch"
    )  # type: ignore[call-arg]
    assert family.lay(200, 100) == (Geometry.stretch(200, 100, GRID, GRID),)  # type: ignore[attr-defined]
    assert family.views(200, 100) != family.lay(200, 100)  # type: ignore[attr-defined]
