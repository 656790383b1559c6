"""Attention Lens, compared with whole-matrix passes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from torch import Tensor

from lmms_vg.methods.attention_lens import AttentionLens
from lmms_vg.methods.pai import PAI
from lmms_vg.methods.plain import Plain
from lmms_vg.models import Family, Prompt


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def full_passes(family: Family, prompt: Prompt, method: AttentionLens) -> list[Tensor]:
    def change(layer: int, scores: Tensor, length: int) -> Tensor:
        if not method.start <= layer < method.end:
            return scores
        scores = scores.clone()
        for row in range(length - 1, scores.shape[-2]):
            for column in prompt.image_tokens.tolist():
                heads = scores[0, :, row, column]
                scores[0, :, row, column] = heads + method.alpha * sum(abs(float(one)) for one in heads) / len(heads)
        return scores

    return in_full_passes(family, prompt, before=change)


@pytest.mark.parametrize(
    "method", [AttentionLens(0.5, 2, 5), AttentionLens(1.5, 0, 3), AttentionLens(0.2, start=4, end=5)]
)
def test_equals_full_passes(family: Family, method: AttentionLens) -> None:
    batch = method.prefill(ask(family))
    assert_same(in_steps(batch), [full_passes(family, prompt, method) for prompt in batch.layout.prompts])


def test_the_mean_over_heads_is_not_the_heads_own(family: Family) -> None:
    lens, own = AttentionLens(0.5, 2, 5).prefill(ask(family)), PAI(0.5, 2, 5).prefill(ask(family))
    assert (lens.logits - own.logits).abs().max() > 1e-3


def test_alpha_zero_is_plain_bit_for_bit(family: Family) -> None:
    found, plain = AttentionLens(0, 2, 5).prefill(ask(family)), Plain().prefill(ask(family))
    for one, other in zip(in_steps(found), in_steps(plain), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("alpha", [-0.1, True, "0.5", math.nan, math.inf])
def test_hyper_parameters_are_checked(alpha: object) -> None:
    with pytest.raises(ValueError, match=f"alpha={alpha!r}: allowed is a number of at least 0"):
        AttentionLens(alpha=alpha)  # type: ignore[arg-type]


def test_repr_names_every_hyper_parameter() -> None:
    made = AttentionLens(0.25, 3, 9)
    assert eval(repr(made)) == made
    assert AttentionLens.options() == ("alpha", "start", "end")


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="attention_lens needs an image"):
        AttentionLens(0.5, 2, 5).prefill(alone(family, prompt))
