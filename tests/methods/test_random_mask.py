"""Random mask: as many tokens as VGRefine hides, with one fixed draw per question."""

from __future__ import annotations

import math

import pytest
import tiny
import torch
from batches import TEXTS, ask, assert_same, in_steps
from knockouts import hidden_by, in_full_passes_without, prefilled

from lmms_vg.methods.plain import Plain
from lmms_vg.methods.random_mask import RandomMask
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family
from lmms_vg.models.checkpoint import Shape

HEADS = ((2, 1), (0, 3), (3, 0), (2, 2), (1, 1))


@pytest.mark.parametrize("mask", ["pre", "post"])
@pytest.mark.parametrize(("p", "layers"), [(50, (2,)), (80, (1, 3))])
def test_equals_whole_matrices(family: Family, mask: str, p: float, layers: tuple[int, ...]) -> None:
    method = RandomMask(HEADS, layers, 5, p, mask)  # type: ignore[arg-type]
    with torch.no_grad():
        batch, hidden = prefilled(method, ask(family))
        expected = [
            in_full_passes_without(family, prompt, one, layers, mask)
            for prompt, one in zip(batch.layout.prompts, hidden, strict=True)
        ]
        assert_same(in_steps(batch), expected)


@pytest.mark.parametrize("p", [10, 50, 80, 100])
def test_hides_as_many_as_vgrefine_but_others(family: Family, p: float) -> None:
    with torch.no_grad():
        method = RandomMask(HEADS, (2,), 5, p)
        ours, theirs = hidden_by(method, ask(family)), hidden_by(VGRefine(HEADS, (2,), 5, p), ask(family))
        extras = method.prefill(ask(family)).extras
    count = math.ceil(p * 35 / 100)
    assert ours.sum(1).tolist() == theirs.sum(1).tolist() == [count, count]
    assert [extra["hidden_tokens"] for extra in extras] == [count, count]
    assert not torch.equal(ours, theirs)


def test_the_draw_depends_on_question_image_and_seed_only(family: Family) -> None:
    def drawn(texts: list[str], seeds: tuple[int, ...], seed: int = 1) -> list[list[bool]]:
        with torch.no_grad():
            return hidden_by(RandomMask(HEADS, (2,), 5, seed=seed), ask(family, texts, seeds)).tolist()

    first, second = drawn(TEXTS, (1, 2))
    assert drawn(TEXTS[:1], (1,)) == [first], "alone as in a batch"
    assert drawn(TEXTS[::-1], (2, 1)) == [second, first], "wherever in the batch"
    others = [*drawn(TEXTS[:1], (2,)), *drawn(TEXTS[1:], (1,)), *drawn(TEXTS[:1], (1,), seed=2), second]
    assert first not in others
    assert len({tuple(one) for one in others}) == 4


def test_every_token_is_drawn_equally_often(family: Family) -> None:
    """400 draws of 18 out of 36 tokens: a token's count has mean 200 and standard deviation 10."""
    irrelevant = torch.arange(36)[None] < 18
    with torch.no_grad():
        batch = ask(family, TEXTS[:1], (1,))
    counts = sum(RandomMask(HEADS, (2,), 5, seed=seed).hidden(irrelevant, batch)[0].int() for seed in range(400))
    assert int(counts.sum()) == 400 * 18
    assert (counts - 200).abs().max() < 50


def test_p_zero_is_plain_bit_for_bit(family: Family) -> None:
    with torch.no_grad():
        plain, drawn = Plain().prefill(ask(family)), RandomMask(HEADS, (2,), 5, 0).prefill(ask(family))
        for one, other in zip(in_steps(plain), in_steps(drawn), strict=True):
            assert torch.equal(one, other)


def test_takes_what_vgrefine_takes_and_a_seed() -> None:
    shape = Shape("somewhere", tiny.LAYERS, tiny.HEADS, {})
    given = {"heads": "2-1+0-3", "layers": 2, "k": 1, "p": 30.0, "mask": "post"}
    assert RandomMask.for_checkpoint(shape, **given, seed=3) == RandomMask(HEADS[:2], (2,), 1, 30, "post", seed=3)
    assert RandomMask.options() == (*VGRefine.options(), "seed")
    assert eval(repr(RandomMask(HEADS, (2,), 5, seed=3))) == RandomMask(HEADS, (2,), 5, seed=3)
    for wrong in (-1, 1.5, "x", True):
        with pytest.raises(ValueError, match=f"seed={wrong!r}: allowed is an integer of at least 0"):
            RandomMask.for_checkpoint(shape, **given, seed=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="p=101"):
        RandomMask.for_checkpoint(shape, **{**given, "p": 101})
