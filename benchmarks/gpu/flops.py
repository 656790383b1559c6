"""Floating-point operations that a model needs, and the peaks of cards.

    model-FLOPs utilisation = operations that the model needs / seconds / the card's peak

A multiplication with its addition counts as two operations. Per layer of the text model and new token:

    2 h (H d + 2 K d) + 2 H d h + 6 h m        projections of queries, keys and values; of the output; MLP
    4 H d (past + new)                         scores and weighted sum, over all keys, also those that the causal mask hides

h: width; H and K: heads, and heads of keys and values; d: channels per head; m: width inside the MLP. The output head counts
for one token per question, the vision tower for the layers below its chosen features. Norms, rotary positions, activations and
softmax are not counted. `torch.utils.flop_counter` counts the same (a test compares them).
"""

from __future__ import annotations

from typing import Any

import torch

from lmms_vg.reproduce.cost import A100, H100

#: Part of a card's name -> peak in bfloat16 and float16, dense, by its data sheet. The first part that fits counts.
PEAKS = {
    "B200": 2.25e15,
    "GH200": H100.flops,
    "H200": H100.flops,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": H100.flops,
    "A100": A100.flops,
    "L40S": 362e12,
    "L4": 121e12,
}


def peak(card: str, dtype: torch.dtype) -> float | None:
    """Peak operations per second of a card; None if the card or the dtype is not in the table."""
    if dtype not in (torch.bfloat16, torch.float16):
        return None
    return next((flops for part, flops in PEAKS.items() if part in card), None)


def text(config: Any, new: int, past: int = 0) -> int:
    """Operations of the text model, without its head, for `new` tokens behind `past` cached ones."""
    width, heads, inside = config.hidden_size, config.num_attention_heads, config.intermediate_size
    channels = getattr(config, "head_dim", None) or width // heads
    queries, keys = heads * channels, config.num_key_value_heads * channels
    projections = 2 * width * (queries + 2 * keys) + 2 * queries * width + 6 * width * inside
    return int(config.num_hidden_layers * new * (projections + 4 * queries * (past + new)))


def head(config: Any) -> int:
    """Operations of the output head for one token."""
    return int(2 * config.hidden_size * config.vocab_size)


def image(config: Any) -> int:
    """Operations of a LLaVA's vision tower and projector for one image, up to the layer of its features."""
    vision = config.vision_config
    width, inside = vision.hidden_size, vision.intermediate_size
    patches = (vision.image_size // vision.patch_size) ** 2
    tokens = patches + 1  # CLIP's class token
    layer = config.vision_feature_layer
    layers = layer if layer >= 0 else vision.num_hidden_layers + 1 + layer
    embedding = 2 * patches * 3 * vision.patch_size**2 * width
    tower = layers * tokens * (8 * width**2 + 4 * width * inside + 4 * width * tokens)
    projector = 2 * patches * (width * config.text_config.hidden_size + config.text_config.hidden_size**2)
    return int(embedding + tower + projector)
