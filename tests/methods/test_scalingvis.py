"""ScalingVis, compared with whole-matrix passes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from torch import Tensor

from lmms_vg.methods.plain import Plain
from lmms_vg.methods.scalingvis import ScalingVis
from lmms_vg.models import Family, Prompt


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def full_passes(family: Family, prompt: Prompt, weight: float) -> list[Tensor]:
    """Only the last prompt row is edited, in every layer and every later pass; no answer row is."""

    def change(layer: int, scores: Tensor, length: int) -> Tensor:
        scores = scores.clone()
        for column in prompt.image_tokens.tolist():
            scores[:, :, length - 1, column] *= weight
        return scores

    return in_full_passes(family, prompt, before=change)


@pytest.mark.parametrize("weight", [0, 0.5, 0.8, 1.2, 2.0])
def test_equals_full_passes(family: Family, weight: float) -> None:
    batch = ScalingVis(weight).prefill(ask(family))
    assert_same(in_steps(batch), [full_passes(family, prompt, weight) for prompt in batch.layout.prompts])


def test_weight_one_is_plain_bit_for_bit(family: Family) -> None:
    found, plain = ScalingVis(1).prefill(ask(family)), Plain().prefill(ask(family))
    for one, other in zip(in_steps(found), in_steps(plain), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("weight", [-0.1, True, "0.5", math.nan, math.inf])
def test_hyper_parameters_are_checked(weight: object) -> None:
    with pytest.raises(ValueError, match=f"weight={weight!r}: allowed is a number of at least 0"):
        ScalingVis(weight)  # type: ignore[arg-type]


def test_repr_names_every_hyper_parameter() -> None:
    assert eval(repr(ScalingVis(0.25))) == ScalingVis(0.25)
    assert ScalingVis.options() == ("weight",)


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="scalingvis needs an image"):
        ScalingVis().prefill(alone(family, prompt))
