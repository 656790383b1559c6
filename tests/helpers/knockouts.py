"""Knockout of image tokens in whole matrices, and the tokens that a method knocks out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from batches import in_full_passes
from torch import Tensor

from lmms_vg.attention import Knockout
from lmms_vg.attention.batch import Batch
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.methods import Method
from lmms_vg.models import Family, Prompt


def in_full_passes_without(
    family: Family, prompt: Prompt, hidden: Tensor, layers: Sequence[int], mask: str
) -> list[Tensor]:
    """Logits before each token of a given answer when no prompt row after the image attends to `hidden`, (N,) bool."""
    keys = prompt.image_tokens[hidden]

    def change(layer: int, values: Tensor, length: int) -> Tensor:
        cells = torch.zeros(1, 1, *values.shape[-2:], dtype=torch.bool)
        cells[0, 0, prompt.prefix : length, keys] = True
        fill = torch.finfo(values.dtype).min if mask == "pre" else 0.0
        return values.masked_fill(cells, fill) if layer in layers else values

    return in_full_passes(family, prompt, **{"before" if mask == "pre" else "after": change})


def prefilled(method: Method, batch: Batch) -> tuple[Pass, Tensor]:
    """The method's pass, and (B, N) bool: the image tokens that it knocks out."""
    edits: list[Knockout] = []
    prefill = batch.prefill
    batch.prefill = lambda *given: (edits.extend(given), prefill(*given))[1]  # type: ignore[method-assign]
    try:
        answering = method.prefill(batch)
    finally:
        del batch.prefill  # type: ignore[method-assign]
    tokens = batch.layout.image_tokens
    if not edits:
        return answering, torch.zeros(tokens.shape, dtype=torch.bool)
    assert len(edits) == 1
    assert type(edits[0]) is Knockout
    hidden = edits[0].keys.gather(1, tokens)
    assert edits[0].keys.sum() == hidden.sum(), "only image tokens are hidden"
    return answering, hidden


def hidden_by(method: Method, batch: Batch) -> Tensor:
    """(B, N) bool: the image tokens that the method knocks out."""
    return prefilled(method, batch)[1]
