"""The registered attention, compared with SDPA and eager attention of transformers in stock forward and generate."""

from __future__ import annotations

import threading

import pytest
import tiny
import torch
from naive import naive, stock
from torch import Tensor
from transformers import LlavaForConditionalGeneration

from lmms_vg.attention import Capture, Edit, Knockout, attend, install
from lmms_vg.attention.edits import Boost, Scale
from lmms_vg.attention.interface import _edits

KINDS = ["qwen2", "llama", "mistral"]
TEXT = 50  # ids below are words of the tiny vocabulary


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> LlavaForConditionalGeneration:
    made = tiny.model(request.param)
    install(made)
    return made


def ids(rows: int = 2, length: int = 23, seed: int = 0) -> Tensor:
    return torch.randint(5, TEXT, (rows, length), generator=torch.Generator().manual_seed(seed))


def padded(pads: list[int], length: int = 23) -> tuple[Tensor, Tensor]:
    """Return left-padded ids and their attention mask."""
    tokens, mask = ids(len(pads), length), torch.ones(len(pads), length, dtype=torch.long)
    for row, pad in enumerate(pads):
        tokens[row, :pad], mask[row, :pad] = 0, 0
    return tokens, mask


def everywhere(model: LlavaForConditionalGeneration, rows: int) -> Edit:
    """Return an edit of all rows in all layers that changes nothing and sends everything through the explicit path."""
    depth = model.config.text_config.num_hidden_layers
    return Edit(range(depth), torch.tensor([[0, 10_000]] * rows))


@pytest.mark.parametrize("pads", [[0, 0], [0, 7]])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_identity_edit_equals_stock_prefill(
    model: LlavaForConditionalGeneration, implementation: str, pads: list[int]
) -> None:
    tokens, mask = padded(pads)
    with torch.no_grad():
        with stock(model, implementation):
            expected = model(input_ids=tokens, attention_mask=mask).logits
        with attend(model, everywhere(model, 2)):
            edited = model(input_ids=tokens, attention_mask=mask).logits
        untouched = model(input_ids=tokens, attention_mask=mask).logits
    kept = mask.bool()
    torch.testing.assert_close(edited[kept], expected[kept], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(untouched[kept], expected[kept], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("pads", [[0, 0], [0, 7]])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_identity_edit_equals_stock_decoding(
    model: LlavaForConditionalGeneration, implementation: str, pads: list[int]
) -> None:
    tokens, mask = padded(pads)
    settings = {
        "max_new_tokens": 5,
        "do_sample": False,
        "eos_token_id": None,
        "pad_token_id": 0,
        "output_logits": True,
        "return_dict_in_generate": True,
    }
    with stock(model, implementation):
        expected = model.generate(input_ids=tokens, attention_mask=mask, **settings)
    with attend(model, everywhere(model, 2)):
        edited = model.generate(input_ids=tokens, attention_mask=mask, **settings)
    assert edited.sequences.tolist() == expected.sequences.tolist()
    torch.testing.assert_close(torch.stack(edited.logits), torch.stack(expected.logits), atol=2e-5, rtol=1e-4)


def test_masks_matter(model: LlavaForConditionalGeneration) -> None:
    """Padding has an effect on these weights; otherwise the two tests above would show nothing."""
    tokens, mask = padded([0, 7])
    with torch.no_grad():
        right = model(input_ids=tokens, attention_mask=mask).logits[1, -1]
        wrong = model(input_ids=tokens, attention_mask=torch.ones_like(mask)).logits[1, -1]
    assert (right - wrong).abs().max() > 1e-2


@pytest.mark.parametrize("pads", [[0, 0], [0, 7]])
@pytest.mark.parametrize("chunk", [64, 5])
def test_capture_equals_eager_rows(
    model: LlavaForConditionalGeneration, pads: list[int], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last row, a range of rows, and all rows (in chunks), at keys that differ between batch rows; to 1e-5."""
    monkeypatch.setattr("lmms_vg.attention.interface.ROWS_AT_A_TIME", chunk)
    tokens, mask = padded(pads)
    depth = model.config.text_config.num_hidden_layers
    keys = torch.stack([torch.arange(pad + 1, pad + 9) for pad in pads])
    spans = {
        "last": torch.tensor([[22, 23]] * 2),
        "some": torch.tensor([[pad + 10, 20] for pad in pads]),
        "all": torch.tensor([[pad, 23] for pad in pads]),
    }
    captures = {name: Capture(range(depth), rows, keys) for name, rows in spans.items()}
    few = Capture([1], spans["last"], keys, heads=[2, 0])
    with torch.no_grad():
        with attend(model, *captures.values(), few):
            model(input_ids=tokens, attention_mask=mask)
        with stock(model, "eager"):
            eager = model(input_ids=tokens, attention_mask=mask, output_attentions=True).attentions
    for name, capture in captures.items():
        assert sorted(capture.maps) == list(range(depth))
        for layer in range(depth):
            for row in range(2):
                start, stop = spans[name][row].tolist()
                expected = eager[layer][row][:, start:stop][..., keys[row]].mean(1)
                torch.testing.assert_close(capture.maps[layer][row], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(few.maps[1], captures["last"].maps[1][:, [2, 0]])


@pytest.mark.parametrize("mask_kind", ["pre", "post"])
@pytest.mark.parametrize("pads", [[0, 0], [0, 7]])
def test_knockout_equals_naive(model: LlavaForConditionalGeneration, mask_kind: str, pads: list[int]) -> None:
    """Both masks, with keys and rows that differ between batch rows, compared with whole-matrix attention."""
    tokens, mask = padded(pads)
    layers = [1, 3]
    rows = torch.tensor([[pad + 12, 23] for pad in pads])
    blocked = torch.zeros(2, 15, dtype=torch.bool)
    blocked[0, 2:8] = True
    blocked[1, 9:11] = True
    cells = torch.zeros(2, 1, 23, 23, dtype=torch.bool)
    for row in range(2):
        cells[row, 0, rows[row, 0] : rows[row, 1], :15] = blocked[row]

    def change(layer: int, values: Tensor) -> Tensor:
        fill = torch.finfo(values.dtype).min if mask_kind == "pre" else 0.0
        return values.masked_fill(cells, fill) if layer in layers else values

    with torch.no_grad():
        before, after = (change, None) if mask_kind == "pre" else (None, change)
        with naive(model, before, after):
            expected = model(input_ids=tokens, attention_mask=mask).logits
        with attend(model, Knockout(layers, rows, blocked, mask_kind)):
            edited = model(input_ids=tokens, attention_mask=mask).logits
        untouched = model(input_ids=tokens, attention_mask=mask).logits
    kept = mask.bool()
    torch.testing.assert_close(edited[kept], expected[kept], atol=2e-5, rtol=1e-4)
    assert (edited[:, -1] - untouched[:, -1]).abs().max() > 1e-3, "the knockout changed nothing, so nothing was tested"


def test_layers_before_the_knockout_are_bit_identical(model: LlavaForConditionalGeneration) -> None:
    tokens = ids(1)
    blocked = torch.zeros(1, 23, dtype=torch.bool)
    blocked[0, 3:9] = True
    with torch.no_grad():
        plain = model(input_ids=tokens, output_hidden_states=True).hidden_states
        with attend(model, Knockout([2], torch.tensor([[12, 23]]), blocked)):
            edited = model(input_ids=tokens, output_hidden_states=True).hidden_states
    for layer in range(3):  # what enters layers 0, 1 and 2
        assert torch.equal(edited[layer], plain[layer])
    assert torch.equal(edited[3][:, :12], plain[3][:, :12]), "rows that were not selected stay as they were"
    assert not torch.equal(edited[3][:, 12:], plain[3][:, 12:])


def test_two_edits_of_one_layer_add_up(model: LlavaForConditionalGeneration) -> None:
    """A capture together with a knockout sees the attention after the knockout."""
    tokens = ids(1)
    rows, keys = torch.tensor([[22, 23]]), torch.arange(2, 8)[None]
    blocked = torch.zeros(1, 23, dtype=torch.bool)
    blocked[0, 2:5] = True
    for mask in ("pre", "post"):
        capture = Capture([2], rows, keys)
        with torch.no_grad(), attend(model, Knockout([2], rows, blocked, mask), capture):
            model(input_ids=tokens)
        assert capture.maps[2][..., :3].abs().max() == 0
        assert capture.maps[2][..., 3:].min() > 0


def test_state_is_gone_after_success_and_after_an_exception(model: LlavaForConditionalGeneration) -> None:
    with attend(model, everywhere(model, 1)), attend(model, everywhere(model, 1)):
        assert len(_edits.get()) == 2
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(len(_edits.get())))
        thread.start()
        thread.join()
        assert seen == [0], "edits must not leak into other threads"
    assert _edits.get() == ()
    with pytest.raises(RuntimeError, match="inside"), attend(model, everywhere(model, 1)):
        raise RuntimeError("inside")
    assert _edits.get() == ()

    class Breaks(Edit):
        def weights(self, weights: Tensor, selected: Tensor, layer: int) -> Tensor:
            raise ArithmeticError("in the middle of a layer")

    before = model(input_ids=ids(1)).logits
    with pytest.raises(ArithmeticError), attend(model, Breaks([2], torch.tensor([[0, 23]]))):
        model(input_ids=ids(1))
    assert _edits.get() == ()
    assert torch.equal(model(input_ids=ids(1)).logits, before)


def test_wrong_use_is_refused(model: LlavaForConditionalGeneration) -> None:
    with pytest.raises(ValueError, match=r"layers=\[5, 9\].*0 to 4"), attend(model, Edit([1, 9, 5], torch.zeros(1, 2))):
        pass
    with stock(model, "sdpa"), pytest.raises(ValueError, match="install"), attend(model):
        pass


def test_bfloat16_rows_are_computed_in_float32() -> None:
    """With large key biases, bf16 scores have far larger errors than captured rows may have."""
    made = tiny.model("qwen2")
    for name, weight in made.named_parameters():
        if name.endswith("k_proj.bias") and "language_model" in name:
            weight.data.normal_(0, 30, generator=torch.Generator().manual_seed(1))
    made = made.to(torch.bfloat16)
    install(made)
    tokens = ids(1)
    recorded: dict[str, Tensor] = {}

    class Scores(Edit):
        changes = False

        def scores(self, scores: Tensor, selected: Tensor) -> Tensor:
            recorded["ours"] = scores
            return scores

    def keep(layer: int, scores: Tensor) -> Tensor:
        if layer == 0:
            recorded["naive"] = scores
        return scores

    with torch.no_grad():
        with attend(made, Scores([0], torch.tensor([[22, 23]]))):
            made(input_ids=tokens)
        with naive(made, keep):
            made(input_ids=tokens)
    assert recorded["ours"].dtype == torch.float32
    assert recorded["naive"].dtype == torch.bfloat16
    difference = (recorded["ours"][0, :, 0] - recorded["naive"][0, :, 22].float()).abs().max()
    assert difference > 0.05, "bf16 would have been good enough here, so this test shows nothing"


@pytest.mark.parametrize("across_heads", [False, True])
def test_a_masked_score_stays_masked(across_heads: bool) -> None:
    """Whatever an edit does to the scores of the keys it was given: a window may hide some of them."""
    lowest = torch.finfo(torch.float32).min
    scores = torch.tensor([[[[1.0, lowest, -2.0]], [[lowest, lowest, 4.0]]]])
    keys, row, selected = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[2, 3]]), torch.ones(1, 1, dtype=torch.bool)
    boosted = Boost([0], row, keys, 1.0, across_heads).scores(scores, selected)
    scaled = Scale([0], row, keys, 0.0).scores(scores, selected)
    for edited in (boosted, scaled):
        assert torch.equal(edited == lowest, scores == lowest)
        assert edited.isfinite().all()
