"""The registered attention function: SDPA for everything, explicit fp32 attention for the few rows that an edit selects.

transformers looks up both the attention function and its mask by name. Registering only the function silently drops the
mask, and causality with it, so both are registered here. The active edits are in a ContextVar: nothing is patched, nothing
leaks into other threads, and leaving `attend` always restores the earlier edits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from lmms_vg.attention.edits import Edit

#: Registered name. Names with "flash", "sdpa", "flex_attention" or "/" have a special meaning in transformers.
NAME = "lmms_vg"

#: Number of rows per explicit computation, so that "all tokens" never becomes a T x T matrix.
ROWS_AT_A_TIME = 64

#: Kernels for all passes, the vision tower's included. cuDNN's is left out: it makes a plan for every number of keys, so that
#: each new token costs one, and two runs of the same questions gave other last bits on an H100 (docs/speed.md).
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]

_edits: ContextVar[tuple[Edit, ...]] = ContextVar("lmms_vg_edits", default=())


@contextmanager
def attend(model: PreTrainedModel, *edits: Edit) -> Iterator[None]:
    """Apply `edits` to every forward pass of `model` inside the block; nested blocks add up.

    Raises:
        ValueError: the model's text attention is not ours (call `install` first), or an edit names an unknown layer.
    """
    config = model.config.get_text_config()
    if config._attn_implementation != NAME:
        raise ValueError(
            f"attention implementation is {config._attn_implementation!r}, not {NAME!r}; "
            "call lmms_vg.attention.install(model) after loading"
        )
    for edit in edits:
        beyond = sorted(layer for layer in edit.layers if not 0 <= layer < config.num_hidden_layers)
        if beyond:
            raise ValueError(f"layers={beyond}: {type(edit).__name__} allows 0 to {config.num_hidden_layers - 1}")
    token = _edits.set((*_edits.get(), *edits))
    try:
        with sdpa_kernel(KERNELS):
            yield
    finally:
        _edits.reset(token)


def install(model: PreTrainedModel) -> None:
    """Switch the text model of `model` to our attention; other parts, such as a vision tower, use plain SDPA."""
    parts = {name: "sdpa" for name in model.config.sub_configs if name != "text_config"}
    model.set_attn_implementation({**parts, "text_config": NAME} if parts else NAME)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute attention; the signature is the one transformers calls.

    Shapes: query (B, H, Q, D), key and value (B, Hkv, K, D), output (B, Q, H, D). Key and value include the cache, so query
    row i is at absolute position K - Q + i (dynamic caches only).
    """
    output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    layer: int = getattr(module, "layer_idx", -1)
    edits = [edit for edit in _edits.get() if layer in edit.layers]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    whole = (layer, query, key, value, attention_mask, scale, output)
    # The number of rows per product changes the last bits, and a capture must not depend on other captures. So those of an
    # unedited model are computed one by one, and of an edited one all but the first repeat the edits, for their rows alone.
    changing = [edit for edit in edits if edit.changes]
    for edit in edits:
        if edit.beside or not changing:
            _edit_rows([*changing, edit], *whole)
    joint = [edit for edit in edits if not edit.beside] if changing else []
    return (_edit_rows(joint, *whole) if joint else output), None


def _edit_rows(
    edits: list[Edit],
    layer: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    output: Tensor,
) -> Tensor:
    """Recompute the rows of all edits in fp32 and write back those that an edit changes."""
    length, keys = query.shape[2], key.shape[2]
    offset = keys - length
    start = max(min(edit.first for edit in edits) - offset, 0)
    stop = min(max(edit.last for edit in edits) - offset, length)
    if start >= stop:
        return output
    rows = [edit.rows_on(query.device) for edit in edits]
    for edit in edits:
        edit.begin(layer)
    for low in range(start, stop, ROWS_AT_A_TIME):
        high = min(low + ROWS_AT_A_TIME, stop)
        position = torch.arange(low + offset, high + offset, device=query.device)
        selected = [(position >= span[:, :1]) & (position < span[:, 1:]) for span in rows]
        scores = _scores(query[:, :, low:high], key, scale)
        scores = _masked(scores, mask, low, high, position)
        for edit, chosen in zip(edits, selected, strict=True):
            scores = edit.scores(scores, chosen)
        weights = scores.softmax(-1)
        for edit, chosen in zip(edits, selected, strict=True):
            weights = edit.weights(weights, chosen, layer)
        changing = [chosen for edit, chosen in zip(edits, selected, strict=True) if edit.changes]
        if changing:
            changed = torch.stack(changing).any(0)[:, :, None, None]
            fresh = _mix(weights, value).transpose(1, 2).to(output.dtype)
            output = torch.cat(
                [output[:, :low], torch.where(changed, fresh, output[:, low:high]), output[:, high:]], dim=1
            )
    return output


def _scores(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """q.k in fp32, (B, H, R, K): large key biases make bf16 products wrong by up to .37 (Qwen2). GQA repeats no keys."""
    batch, heads, rows, width = query.shape
    grouped = query.float().reshape(batch, key.shape[1], -1, width)
    return (grouped @ key.float().transpose(-1, -2) * scale).reshape(batch, heads, rows, -1)


def _masked(scores: Tensor, mask: Tensor | None, low: int, high: int, position: Tensor) -> Tensor:
    """Apply the mask of the pass; without a mask, attend causally, as SDPA does."""
    lowest = torch.finfo(scores.dtype).min
    if mask is None:
        seen = torch.arange(scores.shape[-1], device=scores.device) <= position[:, None]
        return scores.masked_fill(~seen, lowest)
    rows = mask[:, :, low:high]
    return scores.masked_fill(~rows, lowest) if rows.dtype == torch.bool else scores + rows.float()


def _mix(weights: Tensor, value: Tensor) -> Tensor:
    """Weights @ v in fp32, (B, H, R, D)."""
    batch, heads, rows, keys = weights.shape
    grouped = weights.reshape(batch, value.shape[1], -1, keys)
    return (grouped @ value.float()).reshape(batch, heads, rows, -1)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
