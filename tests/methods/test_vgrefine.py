"""VGRefine, compared with a naive three-pass eager version; and its hyper-parameters."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from batches import TEXTS, alone, ask, assert_same, in_full_passes, in_steps
from naive import stock
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention.decoding import decode
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods.plain import Plain
from lmms_vg.methods.vgrefine import VGRefine, percentile
from lmms_vg.models import Family, Prompt
from lmms_vg.models.checkpoint import Shape

HEADS = ((2, 1), (0, 3), (3, 0), (2, 2), (1, 1))
SHAPE = Shape("somewhere", tiny.LAYERS, tiny.HEADS, {})


def three_passes(
    family: Family, prompt: Prompt, reference: Prompt, method: VGRefine
) -> tuple[np.ndarray, list[Tensor]]:
    """The paper's recipe in full: two eager passes for the maps, a third with whole-matrix knockout, then decoding.

    Returns the hidden image tokens and the logits before each token of a given answer.
    """

    def attentions(one: Prompt) -> list[np.ndarray]:
        with stock(family.model, "eager"):
            made = family.model(
                input_ids=one.input_ids[None], pixel_values=pixels_of(one), output_attentions=True
            ).attentions
        return [layer[0, :, -1].numpy()[:, one.image_tokens] for layer in made]

    asked, general = attentions(prompt), attentions(reference)
    maps = [asked[layer][head] / (general[layer].mean(0) + 1e-10) for layer, head in method.heads[: method.k]]
    aggregated = np.mean(maps, axis=0)
    hidden = aggregated < np.percentile(aggregated, method.p)
    keys = prompt.image_tokens[torch.from_numpy(hidden)]

    def change(layer: int, values: Tensor, length: int) -> Tensor:
        cells = torch.zeros(1, 1, *values.shape[-2:], dtype=torch.bool)
        cells[0, 0, prompt.prefix : length, keys] = True  # prompt rows only, decode steps look freely
        fill = torch.finfo(values.dtype).min if method.mask == "pre" else 0.0
        return values.masked_fill(cells, fill) if layer in method.layers else values

    how = {"before": change} if method.mask == "pre" else {"after": change}
    return hidden, in_full_passes(family, prompt, **how)


@pytest.mark.parametrize("mask", ["pre", "post"])
@pytest.mark.parametrize(("k", "p", "layers"), [(5, 50, (2,)), (2, 80, (1, 3)), (5, 30, (4,)), (3, 60, (0,))])
def test_equals_three_eager_passes(family: Family, mask: str, k: int, p: float, layers: tuple[int, ...]) -> None:
    """Hidden tokens, first token and three decode steps, for two questions in one batch; knockout below, among and above
    the triage layers."""
    method = VGRefine(HEADS, layers, k, p, mask)  # type: ignore[arg-type]
    with torch.no_grad():
        batch = method.prefill(ask(family))
        expected = [
            three_passes(family, prompt, reference, method)
            for prompt, reference in zip(batch.layout.prompts, batch.reference.prompts, strict=True)
        ]
        for extra, (hidden, _) in zip(batch.extras, expected, strict=True):
            assert extra == {"hidden_tokens": int(hidden.sum()), "image_tokens": 36}
        assert_same(in_steps(batch), [logits for _, logits in expected])


def test_the_two_masks_differ(family: Family) -> None:
    with torch.no_grad():
        answers = []
        for mask in ("pre", "post"):
            batch = VGRefine(HEADS, (2,), 5, 50, mask).prefill(ask(family))  # type: ignore[arg-type]
            answers.append(batch.logits)
    assert (answers[0] - answers[1]).abs().max() > 1e-3


def test_p_zero_hides_nothing_and_is_plain_bit_for_bit(family: Family) -> None:
    with torch.no_grad():
        plain, refined = Plain().prefill(ask(family)), VGRefine(HEADS, (2,), 5, 0).prefill(ask(family))
        assert refined.extras[0]["hidden_tokens"] == 0
        assert torch.equal(plain.logits, refined.logits)


def test_p_one_hundred_keeps_the_best_token_only(family: Family) -> None:
    with torch.no_grad():
        assert VGRefine(HEADS, (2,), 5, 100).prefill(ask(family)).extras[0]["hidden_tokens"] == 35


def test_a_batch_equals_one_by_one(family: Family) -> None:
    method = VGRefine(HEADS, (2,), 5, 50)
    with torch.no_grad():
        batch = method.prefill(ask(family))
        for row in range(2):
            single = method.prefill(ask(family, [TEXTS[row]], ((1, 2)[row],)))
            torch.testing.assert_close(batch.logits[row], single.logits[0], atol=2e-5, rtol=1e-4)


def test_triage_divides_by_the_layer_mean_not_by_the_head() -> None:
    """A head that grows everywhere, while its layer's mean stays, is not normalised away: hand values."""
    question = {0: torch.tensor([[[0.2, 0.6, 0.2], [0.5, 0.1, 0.4]]])}
    reference = {0: torch.tensor([[[0.1, 0.6, 0.3], [0.3, 0.2, 0.5]]])}
    # means of the reference: .2 .4 .4; head 0 over them: 1.0 1.5 0.5; median 1.0; strictly below: the last one only
    assert VGRefine(((0, 0),), (0,), 1, 50).irrelevant(question, reference).tolist() == [[False, False, True]]
    # divided per head it would be 2.0, 1.0, .67: the same here, so look at head 1: 2.5 .25 1.0 against 1.67 .5 .8
    assert VGRefine(((0, 1),), (0,), 1, 50).irrelevant(question, reference).tolist() == [[False, True, False]]
    # both: 1.75 .875 .75; at the 25th percentile (.8125) only the last is below
    both = VGRefine(((0, 0), (0, 1)), (0,), 2, 25)
    assert both.irrelevant(question, reference).tolist() == [[False, False, True]]


@pytest.mark.parametrize("p", [0, 20, 33, 50, 80, 99.5, 100])
@pytest.mark.parametrize("n", [5, 36, 576])
def test_percentile_equals_numpy_and_falls_on_values_exactly(n: int, p: float) -> None:
    """For p = 80 of 36 or 576 values the rank is whole: exactly the smaller values are strictly below."""
    values = torch.rand(3, n, generator=torch.Generator().manual_seed(n))
    threshold = percentile(values, p)
    assert threshold[:, 0].tolist() == pytest.approx(
        np.percentile(values.double().numpy(), p, axis=1).tolist(), abs=1e-12
    )
    below = (values.double() < threshold).sum(-1).tolist()
    assert below == [math.ceil(p * (n - 1) / 100)] * 3


def test_not_finite_attention_is_an_error() -> None:
    question = {0: torch.full((1, 1, 4), torch.nan)}
    with pytest.raises(ValueError, match="not finite"):
        VGRefine(((0, 0),), (0,), 1).irrelevant(question, {0: torch.ones(1, 1, 4)})


def test_a_question_without_an_image_is_an_error(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with torch.no_grad(), pytest.raises(ValueError, match="needs an image"):
        VGRefine(HEADS, (2,), 5).prefill(alone(family, prompt))


def test_plain_answers_without_an_image(family: Family) -> None:
    prompt = family.prompt([TEXTS[0]])
    with torch.no_grad():
        batch = Plain().prefill(alone(family, prompt))
        with stock(family.model, "sdpa"):
            expected = family.model(input_ids=prompt.input_ids[None]).logits[0, -1]
        torch.testing.assert_close(batch.logits[0], expected, atol=2e-5, rtol=1e-4)
        assert len(decode(batch, Decoding(max_new_tokens=2), ["a"], frozenset(), lambda tokens: "")[0]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 6}, r"k=6: .* 1 to 5"),
        ({"k": 0}, r"k=0: .* 1 to 5"),
        ({"k": True}, r"k=True"),
        ({"p": 101}, r"p=101: .* 0 to 100"),
        ({"p": -1}, r"p=-1: "),
        ({"mask": "soft"}, r"mask='soft': .*'pre' or 'post'"),
        ({"layers": 5}, r"layers=5: .* 0 to 4"),
        ({"layers": "2;3"}, r"layers='2;3'"),
        ({"heads": "5-0"}, r"heads=5-0: .*layers 0 to 4 and heads 0 to 3"),
        ({"heads": "1-4"}, r"heads=1-4"),
        ({"heads": "1-1+1-1"}, r"heads=1-1 is listed twice"),
        ({"heads": "best"}, r"heads='best': .*huatuo_vision_7b"),
        ({"heads": "huatuo_vision_7b"}, r"28 layers of 28 heads.*has 5 layers of 4 heads"),
        ({"heads": "missing.json"}, r"heads='missing.json' cannot be read"),
        ({"heads": None}, r"heads: none are known.*lmms-vg heads calibrate"),
        ({"layers": None}, r"layers: no knockout layers are known.*lmms-vg heads calibrate"),
    ],
)
def test_hyper_parameters_are_checked(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VGRefine.for_checkpoint(SHAPE, **{"heads": "2-1+0-3+3-0+2-2+1-1", "layers": 2, **arguments})


def test_shipped_list_of_huatuo_vision_7b() -> None:
    """The published list of 20 heads, the paper's layer, and its K and p; for the hub id, `-hf`, and a local copy."""
    for pretrained in ("FreedomIntelligence/HuatuoGPT-Vision-7B", "/data/HuatuoGPT-Vision-7B-hf"):
        method = VGRefine.for_checkpoint(Shape(pretrained, 28, 28, {}))
        assert isinstance(method, VGRefine)
        assert (method.k, method.p, method.mask, method.layers) == (20, 50.0, "pre", (16,))
        written = (
            "15,4 16,5 15,1 10,6 4,0 15,24 19,6 8,3 19,18 18,10 4,17 16,2 16,17 16,1 14,23 6,18 18,19 6,11 0,2 17,26"
        )
        assert method.heads == tuple(tuple(map(int, pair.split(","))) for pair in written.split())
        assert "vgmed" in method.leaks


def test_34b_knows_its_layers_and_asks_for_heads() -> None:
    shape = Shape("FreedomIntelligence/HuatuoGPT-Vision-34B-hf", 60, 56, {})
    with pytest.raises(ValueError, match="heads: none are known"):
        VGRefine.for_checkpoint(shape)
    with pytest.raises(ValueError, match="heads: none are known"):
        VGRefine.for_checkpoint(shape, heads="huatuo_vision_34b")


def test_a_list_for_another_checkpoint_of_the_same_shape_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"is for .*HuatuoGPT-Vision-7B.*not for pretrained='Qwen/Other-7B'.*write them out"
    ):
        VGRefine.for_checkpoint(Shape("Qwen/Other-7B", 28, 28, {}), heads="huatuo_vision_7b")


def test_a_json_file_is_read_and_checked(tmp_path: Path) -> None:
    good = '{"models": ["x"], "num_layers": 5, "num_heads": 4, "heads": [[2, 1]], "layers": [3], "source": "here"}'
    (tmp_path / "good.json").write_text(good)
    (tmp_path / "bad.json").write_text(good.replace("[[2, 1]]", '[[2, "one"]]'))
    made = VGRefine.for_checkpoint(Shape(str(tmp_path), 5, 4, {}), heads=str(tmp_path / "good.json"))
    assert isinstance(made, VGRefine)
    assert (made.heads, made.layers, made.k) == (((2, 1),), (3,), 1)
    with pytest.raises(ValueError, match=r"bad.json.*heads.0.1"):
        VGRefine.for_checkpoint(Shape(str(tmp_path), 5, 4, {}), heads=str(tmp_path / "bad.json"))


def test_repr_names_every_hyper_parameter() -> None:
    made = VGRefine(HEADS, (2,), 3, 40, "post")
    assert eval(repr(made)) == made


def test_a_probe_shows_the_attention_the_answer_was_given_with(family: Family) -> None:
    """Layers below the knockout equal a plain run; at its layer hidden tokens get nothing; above it, the second pass counts."""
    method = VGRefine(HEADS, (2,), 5, 50)
    with torch.no_grad():
        plain, refined = (how.prefill(ask(family, watched=("last",))) for how in (Plain(), method))
        before, after = plain.seen["last"], refined.seen["last"]
        assert sorted(after) == list(range(tiny.LAYERS))
        for layer in (0, 1):
            assert torch.equal(after[layer], before[layer])
        for row, (prompt, reference) in enumerate(zip(refined.layout.prompts, refined.reference.prompts, strict=True)):
            hidden = torch.from_numpy(three_passes(family, prompt, reference, method)[0])
            assert after[2][row][:, hidden].max() == 0
            assert after[2][row][:, ~hidden].min() > 0
        for layer in (3, 4):
            assert not torch.allclose(after[layer], before[layer])
            assert (after[layer].sum(-1) <= 1 + 1e-5).all(), "one pass, not the sum of two"
