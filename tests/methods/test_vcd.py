"""VCD, compared with full passes over both images; its noise, compared with the published schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import tiny
import torch
from asking import GOOD, question
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention.decoding import decode
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Journal
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vcd import VCD
from lmms_vg.models import Family, Prompt


def noised(family: Family, method: VCD, prompt: Prompt) -> Prompt:
    """Return the prompt that the method contrasts with."""
    batch = alone(family, prompt)
    with patch.object(batch, "beside", wraps=batch.beside) as beside:
        method.prefill(batch)
    return beside.call_args.args[0][0]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def by_hand(family: Family, prompt: Prompt, method: VCD) -> list[Tensor]:
    """Full passes over both images, and the published formula token by token."""
    clean = in_full_passes(family, prompt)
    other = in_full_passes(family, noised(family, method, prompt))
    expected = []
    for own, bad in zip(clean, other, strict=True):
        values = own + method.alpha * (own - bad)
        share = own.softmax(-1) / own.softmax(-1).max()
        expected.append(torch.where(share < method.beta, -math.inf, values))
    return expected


@pytest.mark.parametrize(
    "method", [VCD(), VCD(alpha=0.5, beta=0.3, noise_step=900), VCD(alpha=2, beta=0, noise_step=999, seed=7)]
)
def test_equals_two_full_passes_a_token(family: Family, method: VCD) -> None:
    batch = method.prefill(ask(family))
    assert_same(in_steps(batch), [by_hand(family, prompt, method) for prompt in batch.layout.prompts])


def test_the_noise_follows_the_published_schedule(family: Family) -> None:
    """x_t = sqrt(abar) x + sqrt(1 - abar) eps, with both factors given for five steps; eps is standard normal."""
    prompt = ask(family).layout.prompts[0]
    clean = pixels_of(prompt).double()
    draws = []
    for step, (left, added) in {
        200: (0.9939, 0.1105),
        500: (0.8630, 0.5052),
        700: (0.5927, 0.8054),
        900: (0.3649, 0.9311),
        999: (0.2850, 0.9585),
    }.items():
        pixels = pixels_of(noised(family, VCD(noise_step=step), prompt)).double()
        assert not torch.equal(pixels, clean)
        draws.append((pixels - left * clean) / added)
    for draw in draws[1:]:
        torch.testing.assert_close(
            draw, draws[1], atol=2e-3, rtol=1e-3
        )  # four digits are given, one draw for all steps
    values = draws[-1].flatten().numpy()
    assert abs(values.mean()) < 4 / math.sqrt(values.size)
    assert abs(values.std() - 1) < 4 / math.sqrt(2 * values.size)
    assert abs(np.corrcoef(values, clean.flatten().numpy())[0, 1]) < 0.05


def test_one_noise_an_image_and_another_for_another_seed(family: Family) -> None:
    same = ask(family, seeds=(1, 1)).layout.prompts
    other = ask(family, seeds=(2, 1)).layout.prompts[0]
    first, second = (noised(family, VCD(), prompt) for prompt in same)
    assert first.prefix_key == second.prefix_key
    assert torch.equal(pixels_of(first), pixels_of(second))
    assert first.prefix_key != same[0].prefix_key

    def eps(prompt: Prompt, method: VCD) -> Tensor:
        return pixels_of(noised(family, method, prompt)) - pixels_of(
            noised(family, replace(method, noise_step=0), prompt)
        )

    assert not torch.allclose(eps(same[0], VCD()), eps(other, VCD()), atol=0.1), "another image, another draw"
    for changed in (VCD(seed=43), VCD(noise_step=501)):
        assert noised(family, changed, same[0]).prefix_key != first.prefix_key
        assert not torch.equal(pixels_of(noised(family, changed, same[0])), pixels_of(first))


@pytest.mark.parametrize("batch_size", [1, 2])
def test_questions_about_one_image_share_both_prefixes(
    family: Family, batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[tuple[str, ...]] = []
    embed = family.embed
    monkeypatch.setattr(
        family, "embed", lambda prompts: (embedded.extend(p.image_hashes for p in prompts), embed(prompts))[1]
    )
    questions = [question(f"{seed}{n}", tiny.picture(seed), f"{GOOD} {n}") for seed in (1, 2) for n in range(4)]
    answerer = Answerer(family, [MethodRun(VCD(), Journal(tmp_path))], batch_size)
    assert [record.error for _, record in answerer.answer(questions)] == [None] * 8
    answerer.close()
    assert len(embedded) == 4
    assert len(set(embedded)) == 4


def test_alpha_zero_is_plain_bit_for_bit(family: Family) -> None:
    plain, contrasted = Plain().prefill(ask(family)), VCD(alpha=0).prefill(ask(family))
    for one, other in zip(in_steps(plain), in_steps(contrasted), strict=True):
        assert torch.equal(one, other)


def test_beta_cuts_off(family: Family) -> None:
    """At 1 only the unedited model's first choice remains; at 0 all tokens do."""
    plain = Plain().prefill(ask(family)).logits
    only = VCD(beta=1).prefill(ask(family)).logits
    assert only.isfinite().sum(-1).tolist() == [1, 1]
    assert only.argmax(-1).tolist() == plain.argmax(-1).tolist()
    assert VCD(beta=0).prefill(ask(family)).logits.isfinite().all()


def test_sampling_never_takes_what_is_cut_off(family: Family) -> None:
    batch = VCD(beta=0.3).prefill(ask(family))
    allowed = [set(row.isfinite().nonzero()[:, 0].tolist()) for row in batch.logits]
    assert all(1 < len(ids) < batch.logits.shape[1] for ids in allowed)
    hot = {"max_new_tokens": 1, "do_sample": True, "temperature": 20.0}
    drawn: list[set[int]] = [set(), set()]
    for seed in range(100):
        tokens = decode(batch, Decoding(**hot, seed=seed), ["a", "b"], frozenset(), lambda ids: "")
        for row, (one,) in enumerate(tokens):
            drawn[row].add(one)
    assert drawn == allowed


@pytest.mark.parametrize("sampled", [False, True])
def test_where_only_the_end_is_left_and_too_early_the_own_choice_counts(family: Family, sampled: bool) -> None:
    """beta = 1 leaves one token, which here would end the answer; `min_new_tokens` forbids it."""
    plain = Plain().prefill(ask(family)).logits
    best = plain.argmax(-1).tolist()
    plain[:, best] = -math.inf
    settings = Decoding(max_new_tokens=1, min_new_tokens=1, do_sample=sampled, temperature=0.001)
    answers = decode(VCD(beta=1).prefill(ask(family)), settings, ["a", "b"], frozenset(best), lambda ids: "")
    assert [one for (one,) in answers] == plain.argmax(-1).tolist()


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="vcd needs an image"):
        VCD().prefill(alone(family, prompt))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": -1}, "alpha=-1: allowed is a number of at least 0"),
        ({"alpha": math.nan}, "alpha=nan: allowed"),
        ({"beta": 1.5}, "beta=1.5: allowed is a number from 0 to 1"),
        ({"beta": True}, "beta=True: allowed"),
        ({"noise_step": 1000}, "noise_step=1000: allowed is an integer from 0 to 999"),
        ({"noise_step": -1}, "noise_step=-1: allowed"),
        ({"noise_step": 500.0}, "noise_step=500.0: allowed"),
        ({"seed": "x"}, "seed='x': allowed is an integer of at least 0"),
        ({"seed": False}, "seed=False: allowed"),
    ],
)
def test_hyper_parameters_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VCD(**wrong)
