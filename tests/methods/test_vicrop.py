"""ViCrop, compared with a naive version: eager passes for the map, all windows tried, one full pass over image and crop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from asking import question
from batches import REFERENCE, TEXTS, alone, assert_same, in_full_passes, in_steps
from brute_window import brute_search
from checkpoints import load
from naive import stock
from PIL import Image
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention import install
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.session import Sessions
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal
from lmms_vg.methods import tiles
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vicrop import ViCrop
from lmms_vg.metrics import alignment
from lmms_vg.models import Family, Prompt
from lmms_vg.models.checkpoint import Shape
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.vision.images import Picture, open_picture
from lmms_vg.vision.patch_grid import Geometry

SHAPE = Shape("somewhere", tiny.LAYERS, tiny.HEADS, {})
SIZES = [(200, 150), (90, 260)]


@pytest.fixture(scope="module")
def padding(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """This family pads images to a square; the other fixture's family crops their middle."""
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / "huatuo")
    made = load("huatuo", folder)
    install(made.model)
    return made


def ask(family: Family, images: Sequence[Image.Image], texts: Sequence[str] = TEXTS, **observed: Any) -> Batch:
    pictures = [open_picture(image) for image in images]
    prompts = [family.prompt([picture, text]) for picture, text in zip(pictures, texts, strict=True)]
    references = [family.prompt([picture, REFERENCE]) for picture in pictures]
    return Batch.open(Sessions(family), prompts, references, **observed)


def images(sizes: Sequence[tuple[int, int]] = SIZES) -> list[Image.Image]:
    return [tiny.picture(seed, *size) for seed, size in enumerate(sizes)]


def naive_map(family: Family, image: Image.Image, text: str, method: ViCrop) -> np.ndarray:
    """Return a (6, 6) map from full eager passes; the gradient is autograd's through all layers."""
    table = family.model.get_input_embeddings().weight

    def eager(words: str) -> tuple[Tensor, Tensor, Prompt]:
        prompt = family.prompt([open_picture(image), words])
        made = family.model(input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt), output_attentions=True)
        return made.attentions[method.layer], made.logits[0, -1], prompt

    with torch.enable_grad(), stock(family.model, "eager"):
        table.requires_grad_()
        attention, logits, prompt = eager(text)
        general = eager(REFERENCE)[0]
        (slope,) = torch.autograd.grad(logits.log_softmax(-1)[logits.argmax()], attention)
        table.requires_grad_(False)
    asked = attention.detach()[0, :, -1, prompt.image_tokens]
    if method.map == "grad":
        values = (asked * slope[0, :, -1, prompt.image_tokens].clamp_min(0)).mean(0)
    else:
        values = asked.mean(0) / general.detach()[0, :, -1, prompt.image_tokens].mean(0)
    return values.reshape(6, 6).numpy()


def laid(family: Family, width: int, height: int) -> Geometry:
    kinds = {"huatuo": lambda: Geometry.pad(width, height, 6, 6)}
    return kinds.get(family.name, lambda: Geometry.center_crop(width, height, 6, 6, tiny.SIDE))()


def two_images(family: Family, image: Image.Image, box: Sequence[int], text: str) -> Prompt:
    return family.prompt([open_picture(image), open_picture(image.crop(tuple(box))), text])


def check(family: Family, method: ViCrop) -> None:
    with torch.no_grad():
        batch = method.prefill(ask(family, images()))
        steps = in_steps(batch)
        expected = []
        for image, text, extra in zip(images(), TEXTS, batch.extras, strict=True):
            values = naive_map(family, image, text, method)
            box, ratio = brute_search(values, laid(family, *image.size), tiny.SIDE)
            assert extra == {"crop_box": list(box), "crop_ratio": ratio}
            assert box != (0, 0, *image.size)
            expected.append(in_full_passes(family, two_images(family, image, box, text)))
        assert_same(steps, expected)


@pytest.mark.parametrize("map", ["rel", "grad"])
@pytest.mark.parametrize("layer", [0, 2, 4])
def test_equals_eager_passes_and_a_brute_search(family: Family, map: str, layer: int) -> None:
    """Crop, first token and three decode steps, for two questions about images of different shapes in one batch."""
    check(family, ViCrop(layer, map))  # type: ignore[arg-type]


@pytest.mark.parametrize("map", ["rel", "grad"])
def test_equals_them_on_padded_images(padding: Family, map: str) -> None:
    check(padding, ViCrop(2, map))  # type: ignore[arg-type]


@pytest.mark.parametrize("map", ["rel", "grad"])
def test_a_batch_equals_one_by_one(family: Family, map: str) -> None:
    method = ViCrop(2, map)  # type: ignore[arg-type]
    with torch.no_grad():
        together = method.prefill(ask(family, images()))
        for row, (image, text) in enumerate(zip(images(), TEXTS, strict=True)):
            single = method.prefill(ask(family, [image], [text]))
            assert single.extras == [together.extras[row]]
            torch.testing.assert_close(together.logits[row], single.logits[0], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("map", ["rel", "grad"])
def test_large_images_are_looked_at_in_tiles(family: Family, map: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 x 100 pixels give two square tiles with maps side by side; the other image in the batch is small."""
    monkeypatch.setattr(tiles, "LONGEST", 100)
    method = ViCrop(2, map)  # type: ignore[arg-type]
    large, small = images([(200, 100), (70, 100)])
    parts = [large.crop((0, 0, 100, 100)), large.crop((100, 0, 200, 100))]
    values = np.hstack([naive_map(family, part, TEXTS[0], method) for part in parts])
    box, ratio = brute_search(values, Geometry.stretch(200, 100, 6, 12), tiny.SIDE)
    with torch.no_grad():
        answered = method.prefill(ask(family, [large, small], watched=("last",)))
        assert answered.extras[0] == {"crop_box": list(box), "crop_ratio": ratio}
        assert answered.extras[1] == method.prefill(ask(family, [small], [TEXTS[1]])).extras[0]
        expected = in_full_passes(family, two_images(family, large, box, TEXTS[0]))
        assert_same([step[:1] for step in in_steps(answered)], [expected])
        whole = ViCrop(2, map, high_res=False).prefill(ask(family, [large, small]))  # type: ignore[arg-type]
        found, _ = brute_search(naive_map(family, large, TEXTS[0], method), laid(family, 200, 100), tiny.SIDE)
        assert whole.extras[0]["crop_box"] == list(found) != list(box)


def test_an_image_no_larger_than_the_input_is_shown_twice(family: Family) -> None:
    small = tiny.picture(1, 48, 30)
    with torch.no_grad():
        batch = ViCrop(2).prefill(ask(family, [small], TEXTS[:1]))
    assert batch.extras == [{"crop_box": [0, 0, 48, 30], "crop_ratio": 1.0}]
    assert len(set(batch.layout.prompts[0].image_hashes)) == 1


def test_the_crop_goes_behind_the_first_of_several_images(family: Family) -> None:
    """Text around the images does not move, in question and reference; only the first image is searched."""
    first, second = (open_picture(tiny.picture(seed, 120, 100)) for seed in (1, 2))
    prompt = family.prompt(["Before:", first, "after:", second, TEXTS[0]])
    reference = family.prompt([first, second, REFERENCE])
    with torch.no_grad():
        batch = ViCrop(2).prefill(alone(family, prompt, reference))
        crop = batch.layout.prompts[0].content[2]
        assert isinstance(crop, Picture)
        assert crop == open_picture(first.rgb.crop(batch.extras[0]["crop_box"]))
        assert batch.layout.prompts[0].content == ("Before:", first, crop, "after:", second, TEXTS[0])
        assert batch.reference.prompts[0].content == (first, crop, second, REFERENCE)
        assert len(batch.layout.image_tokens[0]) == 3 * 36
        with stock(family.model, "eager"):
            looks = [
                family.model(input_ids=one.input_ids[None], pixel_values=pixels_of(one), output_attentions=True)
                for one in (prompt, reference)
            ]
        asked, general = (
            look.attentions[2][0, :, -1, one.image_tokens[:36]].mean(0)
            for look, one in zip(looks, (prompt, reference), strict=True)
        )
        box, _ = brute_search((asked / general).reshape(6, 6).numpy(), laid(family, 120, 100), tiny.SIDE)
        assert batch.extras[0]["crop_box"] == list(box)


def test_boxes_follow_the_pixels_whatever_the_geometry(family: Family) -> None:
    """`geometry=stretch` changes the position of annotated boxes, not of pixels."""
    with torch.no_grad():
        true = ViCrop(2).prefill(ask(family, images())).extras
        family.geometry = "stretch"  # type: ignore[attr-defined]
        try:
            assert ViCrop(2).prefill(ask(family, images())).extras == true
        finally:
            family.geometry = "true"  # type: ignore[attr-defined]


@pytest.mark.parametrize("map", ["rel", "grad"])
def test_the_batch_it_was_given_answers_others_as_before(family: Family, map: str) -> None:
    with torch.no_grad():
        shared = ask(family, images(), watched=("last",))
        ViCrop(2, map).prefill(shared)  # type: ignore[arg-type]
        behind, first = Plain().prefill(shared), Plain().prefill(ask(family, images(), watched=("last",)))
        assert torch.equal(behind.logits, first.logits)
        assert behind.extras == [{}, {}]
        for layer, seen in first.seen["last"].items():
            torch.testing.assert_close(behind.seen["last"][layer], seen, atol=1e-6, rtol=0)


def test_alignment_is_measured_in_the_image_beside_its_crop(padding: Family, tmp_path: Path) -> None:
    """Only the first image's tokens count, in question and reference, both with the crop, as in full eager passes."""
    boxes, image = [[20, 30, 90, 80]], images()[0]
    answerer = Answerer(padding, [MethodRun(ViCrop(2), Journal(tmp_path))])
    asked = question("a", image, TEXTS[0], boxes=boxes, align=True)
    ((_, record),) = answerer.answer([asked])
    assert record.error is None
    general = asked.reference
    crop = image.crop(record.extras["crop_box"])
    maps = []
    for text in (TEXTS[0], general):
        prompt = padding.prompt([open_picture(image), open_picture(crop), text])
        with torch.no_grad(), stock(padding.model, "eager"):
            made = padding.model(
                input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt), output_attentions=True
            )
        maps.append(torch.stack(made.attentions)[:, 0, :, -1, prompt.image_tokens[:36]].numpy())
    mask = laid(padding, *image.size).patch_mask(boxes)
    for name, expected in alignment.align(*maps, mask.ravel())._asdict().items():
        np.testing.assert_allclose(record.alignment[name], expected, rtol=1e-3, atol=1e-5)
    ratio = maps[0].mean(1) / maps[1].mean(1)
    (kept,) = kept_maps(answerer.journal.folder, [record])
    np.testing.assert_allclose(kept.maps[0], ratio / ratio.max(axis=1, keepdims=True), rtol=3e-3, atol=1e-5)
    answerer.close()


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with torch.no_grad(), pytest.raises(ValueError, match="vicrop needs an image"):
        ViCrop(2).prefill(alone(family, prompt))


def test_a_map_that_is_not_finite_is_an_error(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        batch = ask(family, images())
        monkeypatch.setattr(batch.reference, "maps", lambda rows, layers: {2: torch.zeros(2, tiny.HEADS, 36)})
        with pytest.raises(ValueError, match="'rel' map of layer 2 is not finite"):
            ViCrop(2).prefill(batch)


@pytest.mark.parametrize(("depth", "layer"), [(32, 14), (28, 12), (40, 18), (60, 26), (5, 2), (1, 0)])
def test_the_layer_follows_the_depth_and_is_written_out(depth: int, layer: int) -> None:
    made = ViCrop.for_checkpoint(Shape("somewhere", depth, 4, {}))
    assert made == ViCrop(layer)
    assert repr(made) == f"ViCrop(layer={layer}, map='rel', high_res=True)"
    assert eval(repr(made)) == made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"map": "abs"}, r"map='abs': allowed is 'rel' or 'grad'"),
        ({"map": None}, r"map=None: "),
        ({"layer": 5}, r"layer=5: 'somewhere' allows 0 to 4"),
        ({"layer": -1}, r"layer=-1: "),
        ({"layer": True}, r"layer=True: "),
        ({"layer": 2.0}, r"layer=2.0: "),
        ({"layer": float("nan")}, r"layer=nan: "),
        ({"high_res": 1}, r"high_res=1: allowed is true or false"),
        ({"high_res": "yes"}, r"high_res='yes': "),
    ],
)
def test_hyper_parameters_are_checked(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViCrop.for_checkpoint(SHAPE, **arguments)
