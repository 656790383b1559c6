"""VAF, compared with whole-matrix passes, for one image and two."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import tiny
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from torch import Tensor

from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vaf import VAF
from lmms_vg.models import Family, Prompt
from lmms_vg.vision.images import open_picture


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def full_passes(family: Family, prompt: Prompt, method: VAF) -> list[Tensor]:
    """Edits rows after the image, in prompt and answer, at columns before the first image and at image tokens."""
    image = set(prompt.image_tokens.tolist())
    assert min(image) > 0, "text stands before the image"

    def change(layer: int, scores: Tensor, length: int) -> Tensor:
        factors = torch.ones(scores.shape[-2:])
        if method.start <= layer < method.end:
            factors[max(image) + 1 :, : min(image)] = method.suppress
            factors[max(image) + 1 :, sorted(image)] = method.enhance
        return torch.where(factors == 1, scores, scores * factors)

    return in_full_passes(family, prompt, before=change)


@pytest.mark.parametrize(
    "method", [VAF(start=2, end=5), VAF(2.0, 0.25, 0, 3), VAF(1, 0.5, 1, 5), VAF(1.5, 1, 4, 5), VAF(0, 0, 2, 4)]
)
def test_equals_full_passes(family: Family, method: VAF) -> None:
    batch = method.prefill(ask(family))
    assert_same(in_steps(batch), [full_passes(family, prompt, method) for prompt in batch.layout.prompts])


def test_text_between_two_images_is_left_alone(family: Family) -> None:
    first, second = open_picture(tiny.picture(1)), open_picture(tiny.picture(2))
    prompt = family.prompt(["Look:", first, "before, and after:", second, TEXTS[0]])
    method = VAF(2.0, 0.25, 1, 5)
    batch = method.prefill(alone(family, prompt))
    between = set(range(int(prompt.image_tokens[0]), prompt.prefix)) - set(prompt.image_tokens.tolist())
    assert between
    assert batch.layout.before_image()[0].nonzero()[:, 0].tolist() == list(range(int(prompt.image_tokens[0])))
    assert_same(in_steps(batch), [full_passes(family, prompt, method)])


def test_factors_of_one_are_plain_bit_for_bit(family: Family) -> None:
    found, plain = VAF(1, 1, 2, 5).prefill(ask(family)), Plain().prefill(ask(family))
    for one, other in zip(in_steps(found), in_steps(plain), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("value", [-0.1, True, "0.5", math.nan, math.inf])
@pytest.mark.parametrize("name", ["enhance", "suppress"])
def test_hyper_parameters_are_checked(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}: allowed is a number of at least 0"):
        VAF(**{name: value})  # type: ignore[arg-type]


def test_repr_names_every_hyper_parameter() -> None:
    made = VAF(1.25, 0.5, 3, 9)
    assert eval(repr(made)) == made
    assert VAF.options() == ("enhance", "suppress", "start", "end")


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="vaf needs an image"):
        VAF(start=2, end=5).prefill(alone(family, prompt))
