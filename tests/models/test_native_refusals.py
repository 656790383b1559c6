"""What families of transformers' image-text-to-text classes refuse, with the next step, and what no question can smuggle in."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_families
import torch
from tiny_families import ask
from transformers import LlavaNextImageProcessor, Qwen2VLImageProcessor

from lmms_vg._util.error_codes import BadQuestion
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import CheckpointError
from lmms_vg.models.internvl import InternVL
from lmms_vg.models.medgemma import MedGemma
from lmms_vg.vision.images import open_picture

LANDSCAPE = [(160, 120)]


@pytest.mark.parametrize("size", [(4000, 10), (10, 4000)])
def test_an_image_more_elongated_than_the_family_takes_is_refused(
    name: str, family: Family, size: tuple[int, int]
) -> None:
    """Where the family stretches images, none is too long: then every view of it has cells."""
    if name.startswith(("qwen", "llava_next")):
        with pytest.raises(
            ValueError, match=f"image of {size[0]} x {size[1]} pixels: .*; store a version that is less"
        ):
            ask(family, [size])
        return
    assert all(min(grid) >= 1 for grid in ask(family, [size]).grids)


def test_more_images_than_fit_are_refused(family: Family) -> None:
    text = family.model.config.get_text_config()
    settings = [setting.name for setting in fields(family.options) if setting.name.startswith("max_")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "max_position_embeddings", len(ask(family, LANDSCAPE * 2).input_ids))
        with pytest.raises(
            BadQuestion, match=r"prompt of \d+ tokens: .* ask about fewer images or in fewer words"
        ) as why:
            ask(family, LANDSCAPE * 2)
        assert all(f"a smaller {setting}" in str(why.value) for setting in settings)
        assert ask(family, LANDSCAPE).images


#: Of every setting of a family, a value that no checkpoint here has.
OTHERWISE = {"max_pixels": 40_000, "min_pixels": 4_900, "max_tiles": 5}


def test_every_setting_is_part_of_the_identity(family: Family) -> None:
    """Each changes the grid of image tokens, or the view that is measured."""
    native: Any = family
    before, own = native.identity(), native.settings
    for setting in fields(native.options):
        others = {"tiles", "thumbnail"} if isinstance(native, InternVL) else {"base", "fine"}
        value = OTHERWISE.get(setting.name) or min(others - {own.view})
        native.settings = replace(own, **{setting.name: value})
        assert native.identity() != before, setting.name
    native.settings = replace(own)
    assert native.identity() == before


def test_image_and_video_marks_in_a_question_are_broken(name: str, family: Family) -> None:
    marks = ["<|image_pad|>", "<start_of_image>", "<image_soft_token>", "<IMG_CONTEXT>", "<image>", "<|im_end|>"]
    videos = {"qwen": "<|video_pad|>", "internvl": "<video>"}
    videos_of_it = [mark for kind, mark in videos.items() if name.startswith(kind)]
    prompt = family.prompt([open_picture(tiny.picture(1)), f"{' '.join(marks + videos_of_it)} is it bright?"])
    assert prompt.images
    assert len(prompt.starts) == 1
    assert (prompt.input_ids == family.image_id).sum() == prompt.images[0].tokens  # type: ignore[attr-defined]
    assert not any(mark in prompt.text for mark in videos_of_it)


def test_float16_is_refused_for_gemma(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="bfloat16 or float32"):
        tiny_families.load("gemma3", tmp_path / "gemma", dtype=torch.float16)


@pytest.mark.parametrize("other", [False, True], ids=["missing", "of another family"])
def test_an_image_processor_that_does_not_fit_is_refused_before_the_weights(
    name: str, folder: Path, tmp_path: Path, other: bool
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "model.safetensors").write_bytes(b"no weights")
    (copy / "preprocessor_config.json").unlink()
    said = r"no image processor \(preprocessor_config.json\): copy that of"
    if other:
        kind = LlavaNextImageProcessor if name.startswith("qwen") else Qwen2VLImageProcessor
        kind().save_pretrained(copy)
        said = (
            f"its image processor is {kind.__name__}.*put preprocessor_config.json of the model that it was made from"
        )
    with pytest.raises(CheckpointError, match=said):
        tiny_families.load(name, copy)


def test_another_familys_checkpoint_is_refused_by_its_model_type(name: str, folder: Path) -> None:
    other = tiny_families.QwenVL if name.startswith("gemma") else MedGemma
    with pytest.raises(CheckpointError, match="model_type"):
        other.inspect(str(folder))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_pixels": 0}, "max_pixels=0"),
        ({"max_pixels": 783, "min_pixels": 1}, "max_pixels=783: allowed is an integer, 784 or more"),
        ({"min_pixels": 2_000_000}, "min_pixels=2000000: allowed is an integer, 1 to 1605632"),
        ({"max_pixels": True}, "max_pixels=True"),
        ({"max_pixels": 50_176}, "max_pixels=50176 is below min_pixels=200704, its default: give a smaller min_pixels"),
    ],
)
def test_settings_of_qwen_are_checked_before_weights(tmp_path: Path, options: dict[str, int], message: str) -> None:
    folder = tiny_families.qwen("qwen2_5_vl", tmp_path / "qwen")
    (folder / "model.safetensors").write_bytes(b"no weights")
    family = tiny_families.QwenVL
    with pytest.raises(ValueError, match=message):
        family.load(str(folder), None, torch.float32, "cpu", None, "true", family.options(**options))


@pytest.mark.parametrize(("kind", "least"), [("qwen2_vl", 784), ("qwen2_5_vl", 784), ("qwen3_vl", 1024)])
def test_max_pixels_below_one_image_token_is_refused(tmp_path: Path, kind: str, least: int) -> None:
    folder, family = tiny_families.qwen(kind, tmp_path / kind), tiny_families.QwenVL
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=f"max_pixels={least - 1}: allowed is an integer, {least} or more"):
        family.read_small_files(str(folder), None, family.options(max_pixels=least - 1, min_pixels=1))
    family.read_small_files(str(folder), None, family.options(max_pixels=least, min_pixels=1))
