"""Oracle mask: hides everything outside the boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, good, question
from batches import TEXTS, alone, ask, assert_same, in_steps
from knockouts import hidden_by, in_full_passes_without

from lmms_vg.attention.batch import Batch
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal
from lmms_vg.methods.oracle_mask import OracleMask
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape
from lmms_vg.vision.images import open_picture

TARGETS = [np.zeros((6, 6), dtype=bool), np.zeros((6, 6), dtype=bool)]
TARGETS[0][1:3, 2:5] = True
TARGETS[1][5, 0] = True


def boxed(family: Family) -> Batch:
    return ask(family, targets=[(target,) for target in TARGETS])


@pytest.mark.parametrize("mask", ["pre", "post"])
@pytest.mark.parametrize("layers", [(2,), (0, 4)])
def test_equals_whole_matrices(family: Family, mask: str, layers: tuple[int, ...]) -> None:
    with torch.no_grad():
        batch = OracleMask(layers, mask).prefill(boxed(family))  # type: ignore[arg-type]
        assert batch.extras == [{"hidden_tokens": 30, "image_tokens": 36}, {"hidden_tokens": 35, "image_tokens": 36}]
        expected = [
            in_full_passes_without(family, prompt, torch.from_numpy(~target.ravel()), layers, mask)
            for prompt, target in zip(batch.layout.prompts, TARGETS, strict=True)
        ]
        assert_same(in_steps(batch), expected)


def test_a_box_around_everything_is_plain_bit_for_bit(family: Family) -> None:
    with torch.no_grad():
        everything = [(np.ones((6, 6), dtype=bool),)] * 2
        plain, batch = Plain().prefill(ask(family)), OracleMask((2,)).prefill(ask(family, targets=everything))
        for one, other in zip(in_steps(plain), in_steps(batch), strict=True):
            assert torch.equal(one, other)


def test_further_images_are_kept(family: Family) -> None:
    """Boxes belong to the first image."""
    prompt = family.prompt([open_picture(tiny.picture(1)), open_picture(tiny.picture(2)), TEXTS[0]])
    with torch.no_grad():
        hidden = hidden_by(OracleMask((2,)), alone(family, prompt, targets=[(TARGETS[0],)]))[0]
    assert hidden[:36].tolist() == (~TARGETS[0]).ravel().tolist()
    assert not hidden[36:].any()
    assert len(hidden) == 72


def test_boxes_are_laid_where_the_pixels_are(family: Family, tmp_path: Path) -> None:
    """60 x 44 pixels are scaled to 65.45 x 48 and cropped to columns 8.73 to 56.73."""
    answerer = Answerer(family, [MethodRun(OracleMask((2,)), Journal(tmp_path))])
    (_, record), *_ = answerer.answer([good("one", boxes=[[9, 1, 14, 14]])])
    answerer.close()
    # columns (9 .. 14) * 48 / 44 - 8.73 = 1.09 .. 6.55: the first; rows 1.09 .. 15.3: the first two
    assert record.error is None
    assert record.extras["hidden_tokens"] == 34
    assert record.alignment is None, "nobody asked to measure it"


def test_a_question_without_boxes_fails_and_says_why(family: Family, tmp_path: Path) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match="oracle_mask needs annotated boxes"):
        OracleMask((2,)).prefill(ask(family))
    answerer = Answerer(family, [MethodRun(OracleMask((2,)), Journal(tmp_path))])
    asked = [question("none", tiny.picture(1), GOOD), good("some", boxes=[[9, 1, 14, 14]])]
    errors = {one.uid: record.error for one, record in answerer.answer(asked)}
    answerer.close()
    assert "oracle_mask needs annotated boxes" in str(errors["none"])
    assert errors["some"] is None


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with torch.no_grad(), pytest.raises(ValueError, match="oracle_mask needs an image"):
        OracleMask((2,)).prefill(alone(family, prompt))


@pytest.mark.parametrize(
    ("pretrained", "layers", "heads", "expected"),
    [
        ("FreedomIntelligence/HuatuoGPT-Vision-7B", 28, 28, (16,)),
        ("FreedomIntelligence/HuatuoGPT-Vision-34B-hf", 60, 56, (34, 35, 36)),
    ],
)
def test_layers_come_from_the_shipped_list_and_heads_are_not_needed(
    pretrained: str, layers: int, heads: int, expected: tuple[int, ...]
) -> None:
    assert OracleMask.for_checkpoint(Shape(pretrained, layers, heads, {})) == OracleMask(expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "layers: no knockout layers are known for pretrained='somewhere'; give layers=16"),
        ({"layers": 5}, "layers=5: .* 0 to 4"),
        ({"layers": "a"}, "layers='a': allowed"),
        ({"layers": 2, "mask": "soft"}, "mask='soft': allowed is 'pre' or 'post'"),
    ],
)
def test_hyper_parameters_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OracleMask.for_checkpoint(Shape("somewhere", 5, 4, {}), **given)
