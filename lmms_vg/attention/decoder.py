"""The text model as a stack of layers that can be entered and left anywhere, with cached keys and values per layer.

transformers' own forward always runs every layer over every new token. Attention triage needs only the first layers and
the knockout pass only the last ones, so the layers are driven here, one by one, exactly as the Llama-shaped models
(Llama, Qwen2, Mistral, ...) do it themselves; tests hold this to the stock forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from lmms_vg.models.fields import forgets

#: What torch raises after a device-side fault (running out of memory is another error); none in older versions.
DEVICE_IS_GONE: tuple[type[Exception], ...] = tuple(filter(None, [getattr(torch, "AcceleratorError", None)]))

#: Keys and values of one layer, each (B, Hkv, T, D).
KeyValue = tuple[Tensor, Tensor]


def cache_of(layers: list[KeyValue | None]) -> DynamicCache:
    """A cache that starts from these keys and values (None: an empty layer). Updates concatenate, so clones are free."""
    cache = DynamicCache()
    for pair in layers:
        layer = DynamicLayer()
        if pair is not None:
            layer.lazy_initialization(*pair)
            layer.keys, layer.values = pair
        cache.layers.append(layer)
    return cache


def layers_of(cache: DynamicCache) -> list[KeyValue | None]:
    """Keys and values per layer, None where a layer has seen nothing yet."""
    layers: list[Any] = cache.layers
    return [(layer.keys, layer.values) if layer.is_initialized else None for layer in layers]


@dataclass(frozen=True)
class Decoder:
    """Text model and output head of a multimodal model.

    Raises:
        ValueError: the text model has sliding-window layers, whose caches forget the image.
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
        """Hidden states (B, Q, width) through layers `start` to `stop` (exclusive), extending `cache` on the way.

        Args:
            positions: (B, Q) rotary positions.
            mask: (B, 1, Q, K) bool, True where a query may look; None for plain causal attention without a cache, or
                for a single query that sees everything.
            between: gets the hidden states behind every layer, the last included.
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
        """Next-token logits (B, vocabulary) in fp32 after the last position of hidden states (B, Q, width)."""
        last: Tensor = self.lm_head(self.text_model.norm(hidden[:, -1:]))
        return last[:, 0].float()


def causal_mask(queries: int, visible: Tensor, padded: bool) -> Tensor | None:
    """(B, 1, Q, K) bool: query i of the last `queries` positions sees visible keys up to itself.

    Args:
        visible: (B, K) bool, False at padding.
        padded: whether any of `visible` is False; the caller knows it without asking the device.

    None when plain causal attention says the same: no padding, and either no cache or a single query.
    """
    keys = visible.shape[1]
    if queries in (1, keys) and not padded:
        return None
    position = torch.arange(keys - queries, keys, device=visible.device)[:, None]
    key = torch.arange(keys, device=visible.device)
    # Padding sees itself: a row that sees nothing is NaN on some devices, and NaN times a weight of 0 is NaN.
    return ((key <= position)[None, None] & visible[:, None, None, :]) | (key == position)
