"""Inverse mask: hides exactly what VGRefine keeps."""

from __future__ import annotations

import pytest
import torch
from batches import ask, assert_same, in_steps
from knockouts import hidden_by, in_full_passes_without

from lmms_vg.methods.inverse_mask import InverseMask
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family

HEADS = ((2, 1), (0, 3), (3, 0), (2, 2), (1, 1))


@pytest.mark.parametrize("mask", ["pre", "post"])
@pytest.mark.parametrize(("p", "layers"), [(50, (2,)), (20, (1, 3)), (0, (2,))])
def test_equals_whole_matrices(family: Family, mask: str, p: float, layers: tuple[int, ...]) -> None:
    """Holds for p = 0 too, where the whole image is hidden."""
    with torch.no_grad():
        kept = ~hidden_by(VGRefine(HEADS, layers, 5, p), ask(family))
        batch = InverseMask(HEADS, layers, 5, p, mask).prefill(ask(family))  # type: ignore[arg-type]
        assert [extra["hidden_tokens"] for extra in batch.extras] == kept.sum(1).tolist()
        expected = [
            in_full_passes_without(family, prompt, one, layers, mask)
            for prompt, one in zip(batch.layout.prompts, kept, strict=True)
        ]
        assert_same(in_steps(batch), expected)


@pytest.mark.parametrize(("p", "count"), [(0, 36), (50, 18), (80, 8), (100, 1)])
def test_counts(family: Family, p: float, count: int) -> None:
    with torch.no_grad():
        batch = InverseMask(HEADS, (2,), 5, p).prefill(ask(family))
    assert [extra["hidden_tokens"] for extra in batch.extras] == [count, count]
