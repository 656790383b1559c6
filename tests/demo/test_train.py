"""A few steps of training: finite, resumable, loadable. The README of the weights has the results of long training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoTokenizer, LlavaForConditionalGeneration

from lmms_vg.demo import WEIGHTS
from lmms_vg.demo.model import GRID, REFERENCE, REFERENCE_ANSWER, TAIL, TEMPLATES
from lmms_vg.demo.phantoms import make_phantom, questions
from lmms_vg.demo.train import CHECKPOINT, accuracy, patch_labels, pixels, train

pytestmark = pytest.mark.slow

STEPS = {"vision_steps": 1, "text_steps": 2}


class Stopped(Exception):
    """Simulates the end of a killed run."""


@pytest.fixture(scope="module", autouse=True)
def four_images_a_step() -> Iterator[None]:
    """What is tested does not depend on how many."""
    with pytest.MonkeyPatch.context() as patch:
        for batch in ("_VISION_BATCH", "_TEXT_BATCH"):
            patch.setattr(f"lmms_vg.demo.train.{batch}", 4)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    losses: list[float] = []
    out = train(tmp_path_factory.mktemp("demo") / "whole", **STEPS, on_step=lambda _, loss: losses.append(loss))
    return out, losses


def test_losses_are_finite(trained: tuple[Path, list[float]]) -> None:
    _, losses = trained
    assert len(losses) == 3
    assert all(math.isfinite(loss) for loss in losses)


def test_a_stopped_run_goes_on_to_the_same_weights(trained: tuple[Path, list[float]], tmp_path: Path) -> None:
    def stopping(step: int, _: float) -> None:
        if step == 2:
            raise Stopped

    with pytest.raises(Stopped):
        train(tmp_path, **STEPS, checkpoint_every=1, on_step=stopping)
    assert [file.name for file in tmp_path.iterdir()] == [CHECKPOINT]
    steps: list[int] = []
    train(tmp_path, **STEPS, checkpoint_every=1, on_step=lambda step, _: steps.append(step))
    assert steps == [3]
    whole, resumed = (load_file(out / "model.safetensors") for out in (trained[0], tmp_path))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    def stopping(step: int, _: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        train(tmp_path, **STEPS, checkpoint_every=1, on_step=stopping)
    with pytest.raises(ValueError, match="belongs to"):
        train(tmp_path, seed=1, **STEPS)


def test_the_saved_directory_is_small_and_loads(trained: tuple[Path, list[float]]) -> None:
    _check_loads(trained[0])


def test_the_shipped_weights_load_and_answer() -> None:
    _check_loads(WEIGHTS)
    model = LlavaForConditionalGeneration.from_pretrained(WEIGHTS).eval()
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    for template in TEMPLATES:
        assert accuracy(model, tokenizer, template, count=8) >= 0.95


def test_a_packed_question_is_answered_as_if_it_were_alone() -> None:
    """`accuracy` packs questions; generating from the loaded folder one by one gives the same words."""
    model = LlavaForConditionalGeneration.from_pretrained(WEIGHTS).eval()
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    phantom = make_phantom(11)
    asked = [(question.text, question.answer) for question in questions(phantom)] + [(REFERENCE, REFERENCE_ANSWER)]
    for template in TEMPLATES.values():
        for text, answer in asked:
            prompt = template.format(text=f"{text}\n{TAIL}").replace("<image>", "<image>" * GRID**2)
            inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
            said = model.generate(**inputs, pixel_values=pixels([phantom]), max_new_tokens=4, do_sample=False)
            assert tokenizer.decode(said[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True) == answer


def test_pixels_are_those_of_the_image_processor(trained: tuple[Path, list[float]]) -> None:
    phantoms = [make_phantom(seed, "hard") for seed in range(3)]
    processor = AutoImageProcessor.from_pretrained(trained[0])
    theirs = processor(images=[phantom.image for phantom in phantoms], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(pixels(phantoms), theirs)


def test_patch_labels_lie_on_the_findings() -> None:
    for seed in range(50):
        phantom = make_phantom(seed)
        labelled = patch_labels(phantom).reshape(GRID, GRID)
        assert len(labelled[labelled > 0].unique()) == len(phantom.findings)
        covered = sum(finding.mask for finding in phantom.findings).reshape(GRID, 8, GRID, 8).any(axis=(1, 3))
        assert not (labelled.numpy()[~covered]).any()


def _check_loads(directory: Path) -> None:
    weights = directory / "model.safetensors"
    assert weights.stat().st_size < 8e6
    assert not (directory / CHECKPOINT).exists()
    model = LlavaForConditionalGeneration.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    assert sum(parameter.numel() for parameter in model.parameters()) < 2_000_000
    assert model.config.image_token_id == tokenizer.convert_tokens_to_ids("<image>")
    assert (model.config.vision_feature_layer, model.config.vision_feature_select_strategy) == (-1, "default")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    for template in TEMPLATES.values():
        words = tokenizer.tokenize(template.format(text=f"{REFERENCE} {TAIL}"))
        assert words.count("<image>") == 1
        assert tokenizer.unk_token not in words
