"""PAI, compared with whole-matrix passes, with and without guidance; and its behaviour under large key biases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from checkpoints import load
from torch import Tensor

from lmms_vg.attention import install
from lmms_vg.attention.diagnosis import saturated_layers
from lmms_vg.methods import Method
from lmms_vg.methods.pai import PAI, _ruled_out
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.scalingvis import ScalingVis
from lmms_vg.models import Family, Prompt


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def boosted(family: Family, prompt: Prompt, method: PAI, first: int = -1) -> list[Tensor]:
    """Return logits with w + alpha |w| in rows from the last prompt token on (`first` = 0: from the first answer token)."""

    def change(layer: int, scores: Tensor, length: int) -> Tensor:
        if not method.start <= layer < method.end:
            return scores
        scores = scores.clone()
        for row in range(length + first, scores.shape[-2]):
            for column in prompt.image_tokens.tolist():
                scores[:, :, row, column] += method.alpha * scores[:, :, row, column].abs()
        return scores

    return in_full_passes(family, prompt, before=change)


def without_image(family: Family, prompt: Prompt) -> list[Tensor]:
    """Return logits of the unedited model for the prompt without its image placeholder."""
    text = prompt.text.replace("<image>\n", "")
    assert "<image>" in prompt.text
    assert "<image>" not in text
    ids = family.tokenizer(text, return_tensors="pt")["input_ids"][0]
    return in_full_passes(family, replace(prompt, input_ids=ids, images=(), starts=()))


def guided(seen: list[Tensor], unseen: list[Tensor], gamma: float) -> list[Tensor]:
    """p^gamma / u^(gamma - 1) in logarithms; -inf for tokens below a tenth of the likeliest."""
    made = []
    for own, other in zip(seen, unseen, strict=True):
        p, u = own.double().softmax(-1), other.double().softmax(-1)
        values = (p**gamma * u ** (1 - gamma)).log()
        made.append(torch.where(p < p.max() / 10, -math.inf, values).float())
    return made


def steps(family: Family, method: Method) -> list[Tensor]:
    return in_steps(method.prefill(ask(family)))


@pytest.mark.parametrize("method", [PAI(0.5, 2, 5), PAI(1.5, 0, 3), PAI(0.2, 4, 5)])
def test_equals_full_passes(family: Family, method: PAI) -> None:
    batch = method.prefill(ask(family))
    assert_same(in_steps(batch), [boosted(family, prompt, method) for prompt in batch.layout.prompts])


@pytest.mark.parametrize(
    "method", [PAI(0.5, 2, 5, cfg=True), PAI(0, 0, 5, cfg=True, gamma=2), PAI(1, 1, 4, cfg=True, gamma=0.5)]
)
def test_guidance_equals_full_passes_with_and_without_the_image(family: Family, method: PAI) -> None:
    batch = method.prefill(ask(family))
    expected = [
        guided(boosted(family, prompt, method), without_image(family, prompt), method.gamma)
        for prompt in batch.layout.prompts
    ]
    found = in_steps(batch)
    assert any(logits.isinf().any() for logits in found)
    assert_same(found, expected)


def test_faithful_leaves_the_prompt_without_the_boost(family: Family) -> None:
    """The first token is guided. The last prompt row is never boosted; all answer rows are."""
    method = PAI(0.5, 2, 5, cfg=True, gamma=1.5, faithful=True)
    batch = method.prefill(ask(family))
    expected = [
        guided(boosted(family, prompt, method, first=0), without_image(family, prompt), 1.5)
        for prompt in batch.layout.prompts
    ]
    found = in_steps(batch)
    assert_same(found, expected)
    unboosted = steps(family, PAI(0, 2, 5, cfg=True, gamma=1.5))
    assert torch.equal(found[0], unboosted[0])
    assert not torch.equal(found[1], unboosted[1])
    ours = steps(family, PAI(0.5, 2, 5, cfg=True, gamma=1.5))
    assert not torch.equal(found[0], ours[0])


def test_guidance_by_hand(family: Family) -> None:
    seen, unseen = torch.tensor([[0.6, 0.34, 0.06]]).log(), torch.tensor([[0.2, 0.5, 0.3]]).log()
    found = PAI(cfg=True, gamma=2)._guide(seen + 3, unseen - 5)  # logits are log-probabilities up to a constant
    assert found[0].exp().tolist() == pytest.approx([0.36 / 0.2, 0.34**2 / 0.5, 0.06**2 / 0.3], abs=1e-5)
    low = torch.tensor([[0.6, 0.345, 0.055]]).log()
    assert _ruled_out(low + 3)[0].tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("method", "same_as"),
    [
        (PAI(0, 2, 5), Plain()),
        (PAI(0, 2, 5, cfg=True, gamma=1), Plain()),
        (PAI(0.5, 2, 5, cfg=True, gamma=1), PAI(0.5, 2, 5)),
        (PAI(0.5, 2, 5, cfg=True, gamma=1, faithful=True), Plain()),
        (PAI(0, 2, 5, cfg=True, gamma=1, faithful=True), Plain()),
        (PAI(0, 2, 5, cfg=True, gamma=2, faithful=True), PAI(0, 2, 5, cfg=True, gamma=2)),
    ],
)
def test_neutral_settings_are_bit_for_bit(family: Family, method: PAI, same_as: Method) -> None:
    for found, expected in zip(steps(family, method), steps(family, same_as), strict=True):
        assert torch.equal(found, expected)


def test_several_on_one_batch_leave_nothing_behind(family: Family) -> None:
    batch = ask(family)
    for method in (PAI(0.5, 2, 5, cfg=True), PAI(0.5, 2, 5, cfg=True, faithful=True), PAI(0.5, 2, 5), Plain()):
        for found, expected in zip(in_steps(method.prefill(batch)), steps(family, method), strict=True):
            assert torch.equal(found, expected)


def test_faithful_is_diagnosed_on_the_row_it_leaves_alone(family: Family) -> None:
    batch = PAI(0.5, 2, 5, cfg=True, faithful=True).prefill(ask(family, diagnose="all"))
    assert batch.diagnosis is not None
    reports = batch.diagnosis.report()
    assert [report["layers"] for report in reports] == [[2, 3, 4]] * 2
    for report in reports:
        assert report["image_mass_before"] == report["image_mass_after"]
        assert all(0 < mass < 1 for mass in report["image_mass_before"])


def shifted(folder: Path, by: float) -> Family:
    """A model with all attention scores about `by` larger, which hardly changes its attention.

    Biases on the slowest pair of rotary dimensions, which turns by less than a tenth over these prompts.
    """
    family = load("llava", tiny.save(folder, "qwen2"))
    install(family.model)
    for layer in family.text_model.layers:
        query, key = layer.self_attn.q_proj, layer.self_attn.k_proj
        width = layer.self_attn.head_dim
        for projection, sign in ((query, 1.0), (key, math.copysign(1, by))):
            for slow in (width // 2 - 1, width - 1):
                projection.weight.view(-1, width, projection.weight.shape[1])[:, slow] = 0
                projection.bias.view(-1, width)[:, slow] = 0
            projection.bias.view(-1, width)[:, width // 2 - 1] = sign * math.sqrt(abs(by) * math.sqrt(width))
    return family


@pytest.mark.parametrize(
    ("method", "by", "driven_to"),
    [
        (PAI(0.5, 2, 5), 30.0, 1.0),
        (PAI(0.5, 2, 5), -30.0, 1.0),
        (ScalingVis(1.5), 30.0, 1.0),
        (ScalingVis(0.5), 30.0, 0.0),
        (ScalingVis(1.5), -30.0, 0.0),
    ],
)
def test_scores_that_are_all_large_saturate(tmp_path: Path, method: Method, by: float, driven_to: float) -> None:
    """Softmax ignores a common offset of all scores; these edits do not, and the diagnosis shows it."""
    masses = {}
    for size in (0.0, by):
        batch = method.prefill(ask(shifted(tmp_path / str(size), size), diagnose="all"))
        assert batch.diagnosis is not None
        masses[size] = batch.diagnosis.report()
    for calm, wild in zip(masses[0.0], masses[by], strict=True):
        first = wild["layers"][0]  # later layers read what this one made
        assert first not in saturated_layers(calm)
        assert wild["layers"] == saturated_layers(wild)
        assert wild["image_mass_after"] == pytest.approx([driven_to] * len(wild["layers"]), abs=0.01)
        assert 0.1 < wild["image_mass_before"][0] < 0.99
        assert 0.1 < calm["image_mass_after"][0] < 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": -0.1}, r"alpha=-0.1: allowed is a number of at least 0"),
        ({"alpha": True}, r"alpha=True: "),
        ({"alpha": math.nan}, r"alpha=nan: "),
        ({"gamma": -1}, r"gamma=-1: "),
        ({"gamma": "2"}, r"gamma='2': "),
        ({"cfg": 1}, r"cfg=1: allowed is true or false"),
        ({"faithful": "yes"}, r"faithful='yes': allowed is true or false"),
        ({"faithful": True}, r"faithful=True: allowed only with cfg=True"),
    ],
)
def test_hyper_parameters_are_checked(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PAI(**arguments)


def test_repr_names_every_hyper_parameter() -> None:
    made = PAI(0.25, 3, 9, True, 2, True)
    assert eval(repr(made)) == made
    assert PAI.options() == ("alpha", "start", "end", "cfg", "gamma", "faithful")


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="pai needs an image"):
        PAI(0.5, 2, 5).prefill(alone(family, prompt))
