"""Attention computed the slow way, for comparison: whole T x T matrices, one full pass, no cache, no shared prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, LlavaForConditionalGeneration
from transformers.masking_utils import eager_mask

#: (layer, scores or weights (B, H, T, T)) -> the same, changed.
Change = Callable[[int, Tensor], Tensor]

_before: Change = lambda layer, scores: scores  # noqa: E731
_after: Change = lambda layer, weights: weights  # noqa: E731


def _naive(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = torch.einsum("bhqd,bhkd->bhqk", query, key) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = _after(module.layer_idx, torch.softmax(_before(module.layer_idx, scores), -1))
    return torch.einsum("bhqk,bhkd->bhqd", weights, value).transpose(1, 2), weights


AttentionInterface.register("naive_for_tests", _naive)
AttentionMaskInterface.register("naive_for_tests", eager_mask)


@contextmanager
def naive(
    model: LlavaForConditionalGeneration, before: Change | None = None, after: Change | None = None
) -> Iterator[None]:
    """Run `model` with naive attention; `before` changes the scores, `after` the weights."""
    global _before, _after
    kept, implementation = (_before, _after), model.config.get_text_config()._attn_implementation
    _before, _after = before or _before, after or _after
    model.set_attn_implementation({"text_config": "naive_for_tests", "vision_config": "sdpa"})
    try:
        yield
    finally:
        _before, _after = kept
        model.set_attn_implementation({"text_config": implementation, "vision_config": "sdpa"})


@contextmanager
def stock(model: LlavaForConditionalGeneration, implementation: str) -> Iterator[None]:
    """Run `model` with transformers' own attention."""
    kept = model.config.get_text_config()._attn_implementation
    model.set_attn_implementation({"text_config": implementation, "vision_config": "sdpa"})
    try:
        yield
    finally:
        model.set_attn_implementation({"text_config": kept, "vision_config": "sdpa"})
