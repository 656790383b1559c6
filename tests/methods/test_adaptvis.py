"""AdaptVis, compared with whole-matrix passes that choose the weight by their own confidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from torch import Tensor

from lmms_vg.methods.adaptvis import AdaptVis
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.scalingvis import ScalingVis
from lmms_vg.models import Family, Prompt


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def confidence(family: Family, prompt: Prompt) -> float:
    """Return the largest first-token probability in a full pass of the unedited model."""
    logits = in_full_passes(family, prompt)[0].double().numpy()
    return float(np.exp(logits.max()) / np.exp(logits).sum())


def weighted(family: Family, prompt: Prompt, weight: float) -> list[Tensor]:
    def change(layer: int, scores: Tensor, length: int) -> Tensor:
        scores = scores.clone()
        scores[:, :, length - 1, prompt.image_tokens] *= weight
        return scores

    return in_full_passes(family, prompt, before=change)


def between(family: Family) -> tuple[float, list[float]]:
    """Return a threshold between the two questions' confidences, and the confidences."""
    sure = [confidence(family, prompt) for prompt in ask(family).layout.prompts]
    assert abs(sure[0] - sure[1]) > 1e-3
    return sum(sure) / 2, sure


def test_equals_full_passes_and_weighs_each_question_by_its_confidence(family: Family) -> None:
    threshold, sure = between(family)
    batch = AdaptVis(0.5, 1.5, threshold).prefill(ask(family))
    weights = [0.5 if one < threshold else 1.5 for one in sure]
    assert sorted(weights) == [0.5, 1.5]
    assert [extra["weight"] for extra in batch.extras] == weights
    assert [extra["confidence"] for extra in batch.extras] == pytest.approx(sure, abs=2e-6)
    expected = [weighted(family, prompt, one) for prompt, one in zip(batch.layout.prompts, weights, strict=True)]
    assert_same(in_steps(batch), expected)


@pytest.mark.parametrize("diagnose", [False, True])
@pytest.mark.parametrize("ones", ["w1", "w2"])
def test_a_question_of_weight_one_stays_as_it_is_in_a_batch_that_does_not(
    family: Family, ones: str, diagnose: bool
) -> None:
    """Unedited bit for bit, also in decode steps; the other question is edited, and the diagnosis covers both."""
    threshold, sure = between(family)
    values: dict[str, Any] = {"w1": 0.5, "w2": 1.5, ones: 1}
    edited = AdaptVis(threshold=threshold, **values).prefill(ask(family, diagnose=diagnose))
    found = in_steps(edited)
    plain = in_steps(Plain().prefill(ask(family)))
    low = int(sure[1] < sure[0])
    same, other = (low, 1 - low) if ones == "w1" else (1 - low, low)
    for one, without in zip(found, plain, strict=True):
        assert torch.equal(one[same], without[same])
        assert not torch.equal(one[other], without[other])
    weight = values["w2" if ones == "w1" else "w1"]
    expected = weighted(family, edited.layout.prompts[other], weight)
    assert_same([one[[other]] for one in found], [expected])
    if edited.diagnosis is not None:
        reports = edited.diagnosis.report()
        assert reports[same]["image_mass_before"] == reports[same]["image_mass_after"]
        assert reports[other]["image_mass_before"] != reports[other]["image_mass_after"]
        for report in reports:
            for name in ("largest_logit", "image_mass_before", "image_mass_after", "saturated"):
                assert np.isfinite(report[name]).all(), name


@pytest.mark.parametrize(("threshold", "weight"), [(0.0, 1.5), (1.0, 0.5)])
def test_threshold_ends_are_one_weight(family: Family, threshold: float, weight: float) -> None:
    """No confidence is below 0 or below itself (unsure is strictly less), and all of these are below 1."""
    found = in_steps(AdaptVis(0.5, 1.5, threshold).prefill(ask(family)))
    for one, other in zip(found, in_steps(ScalingVis(weight).prefill(ask(family))), strict=True):
        assert torch.equal(one, other)


def test_a_confidence_at_the_threshold_is_sure(family: Family) -> None:
    exact = float(Plain().prefill(ask(family)).logits[0].softmax(-1).max())
    above = math.nextafter(exact, 1)
    weights = [AdaptVis(0.5, 1.5, t).prefill(ask(family)).extras[0]["weight"] for t in (exact, above)]
    assert weights == [1.5, 0.5]


def test_weights_of_one_are_plain_bit_for_bit(family: Family) -> None:
    threshold, _ = between(family)
    found = AdaptVis(1, 1, threshold).prefill(ask(family))
    assert [extra["weight"] for extra in found.extras] == [1, 1]
    for one, other in zip(in_steps(found), in_steps(Plain().prefill(ask(family))), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"w1": -1}, r"w1=-1: allowed is a number of at least 0"),
        ({"w2": True}, r"w2=True: "),
        ({"w2": math.nan}, r"w2=nan: "),
        ({"threshold": 1.1}, r"threshold=1.1: allowed is a number from 0 to 1"),
        ({"threshold": "high"}, r"threshold='high': "),
    ],
)
def test_hyper_parameters_are_checked(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptVis(**arguments)


def test_repr_names_every_hyper_parameter() -> None:
    made = AdaptVis(0.25, 3, 0.75)
    assert eval(repr(made)) == made
    assert AdaptVis.options() == ("w1", "w2", "threshold")


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with pytest.raises(ValueError, match="adaptvis needs an image"):
        AdaptVis().prefill(alone(family, prompt))
