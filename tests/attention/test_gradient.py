"""The gradient with respect to attention, compared with autograd through a stock eager pass."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import tiny
import torch
from batches import ask
from checkpoints import load
from naive import stock
from pixels import pixels_of
from torch import Tensor

from lmms_vg.attention import install
from lmms_vg.attention.gradient import Leaf, gradient
from lmms_vg.attention.session import Selections
from lmms_vg.models import Family, Prompt


@pytest.fixture(scope="module", params=["qwen2", "llama", "mistral"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tiny.save(tmp_path_factory.mktemp("tiny") / request.param, request.param)
    made = load("huatuo", folder)
    install(made.model)
    return made


def eager_gradient(family: Family, prompt: Prompt, layer: int) -> Tensor:
    """Return (H, N) from one full pass with gradients everywhere."""
    table = family.model.get_input_embeddings().weight
    table.requires_grad_()
    try:
        with torch.enable_grad(), stock(family.model, "eager"):
            made = family.model(
                input_ids=prompt.input_ids[None], pixel_values=pixels_of(prompt), output_attentions=True
            )
            logits = made.logits[0, -1]
            loss = torch.nn.functional.cross_entropy(logits[None], logits.argmax()[None])
            (slope,) = torch.autograd.grad(-loss, made.attentions[layer])
    finally:
        table.requires_grad_(False)
    return slope[0, :, -1, prompt.image_tokens]


@pytest.mark.parametrize("layer", [0, 2, 4])
def test_equals_a_full_eager_pass(family: Family, layer: int) -> None:
    with torch.no_grad():
        batch = ask(family)
        slope = gradient(batch.unedited, layer)
    assert slope.shape == (2, tiny.HEADS, 36)
    for row, prompt in enumerate(batch.layout.prompts):
        expected = eager_gradient(family, prompt, layer)
        scale = float(expected.abs().max())
        assert scale > 1e-3
        torch.testing.assert_close(slope[row], expected, atol=1e-4 * scale, rtol=1e-3)


def test_the_edit_changes_no_value(family: Family) -> None:
    with torch.no_grad():
        batch = ask(family)
        plain, cut = batch.prefill(), batch.prefill(Leaf([2], batch.layout.last))
        torch.testing.assert_close(cut.logits, plain.logits, atol=1e-5, rtol=1e-5)


@contextmanager
def no_graph_is_left() -> Iterator[None]:
    """Count tensors created inside the block; the millions of older objects are not searched."""
    gc.freeze()
    try:
        yield
        gc.collect()
        assert [one for one in gc.get_objects() if issubclass(type(one), Tensor) and one.requires_grad] == []
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("watched", [(), ("last",)])
def test_it_leaves_no_graph_and_the_batch_as_it_was(family: Family, watched: Selections) -> None:
    """Watched and diagnosed batches keep maps; none may hold a graph, even if the weights require gradients."""

    with torch.no_grad():
        untouched = ask(family, watched=watched, diagnose="all")
        expected = untouched.prefill()
        family.model.requires_grad_(True)
        with no_graph_is_left():
            asked = ask(family, watched=watched, diagnose="all")
            slope = gradient(asked.unedited, 2)
        family.model.requires_grad_(False)
        assert not slope.requires_grad
        found = asked.prefill()
        assert torch.equal(found.logits, expected.logits)
        assert found.seen.keys() == expected.seen.keys()
        for rows in found.seen:
            assert all(torch.equal(maps, expected.seen[rows][layer]) for layer, maps in found.seen[rows].items())
