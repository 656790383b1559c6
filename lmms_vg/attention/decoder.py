"""The text model as a stack of layers: a run can start and stop at any layer; keys and values are cached per layer.

The forward pass of transformers always runs every layer over every new token. Attention triage needs only the first
layers and the knockout pass only the last ones. So this module runs the layers one by one, exactly as Llama-shaped models
(Llama, Qwen2, Mistral, ...) do. Tests compare the result with the stock forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from lmms_vg.models.fields import forgets

#: What torch raises after a device-side fault, which is not the same as running out of memory. Empty in older versions.
DEVICE_IS_GONE: tuple[type[Exception], ...] = tuple(filter(None, [getattr(torch, "AcceleratorError", None)]))

#: Keys and values of one layer, each (B, Hkv, T, D).
KeyValue = tuple[Tensor, Tensor]


def cache_of(layers: list[KeyValue | None]) -> DynamicCache:
    """Return a cache that starts from these keys and values (None: an empty layer). Updates concatenate, so clones are free."""
    cache = DynamicCache()
    for pair in layers:
        layer = DynamicLayer()
        if pair is not None:
            layer.lazy_initialization(*pair)
            layer.keys, layer.values = pair
        cache.layers.append(layer)
    return cache


def layers_of(cache: DynamicCache) -> list[KeyValue | None]:
    """Return keys and values per layer; None for a layer that has seen nothing yet."""
    layers: list[Any] = cache.layers
    return [(layer.keys, layer.values) if layer.is_initialized else None for layer in layers]


@dataclass(frozen=True)
class Decoder:
    """The text model and output head of a multimodal model.

    Raises:
        ValueError: the text model has sliding-window or linear attention layers, whose caches forget the image.
    """

    model: PreTrainedModel
    text_model: Any
    lm_head: Any

    def __post_init__(self) -> None:
        config = self.text_model.config
        if forgets(config):
            raise ValueError(
                f"text model {config.model_type!r}: sliding-window or linear attention layers are not supported; "
                "allowed is full attention in every layer"
            )

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.text_model.layers)

    def run(
        self,
        hidden: Tensor,
        cache: DynamicCache,
        positions: Tensor,
        mask: Tensor | None,
        start: int = 0,
        stop: int | None = None,
        between: list[Tensor] | None = None,
    ) -> Tensor:
        """Run hidden states through layers `start` to `stop` (exclusive) and extend `cache`.

        Args:
            hidden: (B, Q, width) hidden states that enter layer `start`.
            cache: keys and values of earlier tokens.
            positions: (B, Q) rotary positions.
            mask: (B, 1, Q, K) bool, True where a query may attend; None for plain causal attention without a cache, or
                for a single query that attends to everything.
            start: first layer, 0-based.
            stop: layer after the last one; None for all remaining layers.
            between: a list that receives the hidden states after every layer, the last included.

        Returns:
            (B, Q, width) hidden states after the last layer run.
        """
        rotary = self.text_model.rotary_emb(hidden, positions)
        for layer in self.text_model.layers[start:stop]:
            hidden = layer(
                hidden,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                position_embeddings=rotary,
            )
            if between is not None:
                between.append(hidden)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Return next-token logits (B, vocabulary), fp32, for the last position of hidden states (B, Q, width)."""
        last: Tensor = self.lm_head(self.text_model.norm(hidden[:, -1:]))
        return last[:, 0].float()


def causal_mask(queries: int, visible: Tensor, padded: bool) -> Tensor | None:
    """Return the mask under which each query attends to the visible keys up to its own position.

    Args:
        queries: Q, the number of last positions that are queries.
        visible: (B, K) bool, False at padding.
        padded: whether any of `visible` is False; the caller knows this without asking the device.

    Returns:
        (B, 1, Q, K) bool. None where plain causal attention is the same: no padding, and no cache or a single query.
    """
    keys = visible.shape[1]
    if queries in (1, keys) and not padded:
        return None
    position = torch.arange(keys - queries, keys, device=visible.device)[:, None]
    key = torch.arange(keys, device=visible.device)
    # Padding attends to itself: a row that attends to nothing is NaN on some devices, and NaN times a weight of 0 is NaN.
    return ((key <= position)[None, None] & visible[:, None, None, :]) | (key == position)
