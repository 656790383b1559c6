"""The text model as a stack of layers: a run can start and stop at any layer; keys and values are cached per layer.

The forward pass of transformers always runs every layer over every new token. Attention triage needs only the first
layers and the knockout pass only the last ones. So this module runs the layers one by one, exactly as the text models of
transformers (Llama, Qwen2, Qwen3, Mistral, Gemma 3, ...) do. Tests compare the result with the stock forward pass.

Layers are of one or two kinds: full attention, and attention to a window of the preceding tokens. Every layer has a full
cache, so that nothing forgets the image: a window is only a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from lmms_vg.models.fields import FULL, SLIDING, layer_kinds

#: Error that torch raises after a device-side fault, which is not the same as running out of memory. Empty in older versions.
DEVICE_IS_GONE: tuple[type[Exception], ...] = tuple(filter(None, [getattr(torch, "AcceleratorError", None)]))

#: Keys and values of one layer, each (B, Hkv, T, D).
KeyValue = tuple[Tensor, Tensor]

#: Kind of layer -> (B, 1, Q, K) bool, True where a query may attend; None for plain causal attention without a cache, or for
#: a single query that attends to everything.
Masks = Mapping[str, Tensor | None]

#: Tokens that a growing layer makes room for at a time.
ROOM = 32


class GrowingLayer(DynamicLayer):
    """A layer for decoding: it makes room for `ROOM` tokens at once and then writes new ones in place.

    A layer that concatenates copies everything at every token, into memory that is each time a little larger than what was
    freed; on a GPU, most of the time then goes into finding memory.
    """

    #: (B, Hkv, T + room, D), of which `keys` and `values` are views.
    _room: KeyValue | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append keys and values, each (B, Hkv, Q, D); the first time they and all earlier ones are copied."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        seen = self.keys.shape[-2] if self.keys.numel() else 0
        end = seen + key_states.shape[-2]
        if self._room is None or end > self._room[0].shape[-2]:
            self._room = _with_room(self.keys, key_states, seen), _with_room(self.values, value_states, seen)
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, seen:end] = new
        self.keys, self.values = keys, values = self._room[0][:, :, :end], self._room[1][:, :, :end]
        return keys, values


def _with_room(earlier: Tensor, new: Tensor, seen: int) -> Tensor:
    """Return memory for `earlier`, which is copied into it, for `new`, and for `ROOM` further tokens."""
    room = new.new_empty(*new.shape[:2], seen + new.shape[2] + ROOM, new.shape[3])
    if seen:
        room[:, :, :seen] = earlier
    return room


def cache_of(layers: Sequence[KeyValue | None], growing: bool = False) -> DynamicCache:
    """Return a cache that starts from these keys and values (None: an empty layer), which are not written to.

    Args:
        layers: keys and values of each layer.
        growing: whether many tokens will be appended one by one, as in decoding.
    """
    cache = DynamicCache()
    kind: type[Any] = GrowingLayer if growing else DynamicLayer
    for pair in layers:
        layer = kind()
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
        ValueError: some layers are of a kind that cannot be run here, such as linear attention.
    """

    model: PreTrainedModel
    text_model: Any
    lm_head: Any

    def __post_init__(self) -> None:
        config = self.text_model.config
        if unknown := set(layer_kinds(config)) - {FULL, SLIDING}:
            raise ValueError(
                f"text model {config.model_type!r}: layers of kind {', '.join(sorted(unknown))} are not supported; allowed is "
                f"{FULL} and {SLIDING}"
            )

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.text_model.layers)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each layer: `full_attention` or `sliding_attention`."""
        return layer_kinds(self.text_model.config)

    def run(
        self,
        hidden: Tensor,
        cache: DynamicCache,
        positions: Tensor,
        masks: Masks,
        start: int = 0,
        stop: int | None = None,
        between: list[Tensor] | None = None,
        deep: Sequence[Tensor] = (),
    ) -> Tensor:
        """Run hidden states through layers `start` to `stop` (exclusive) and extend `cache`.

        Args:
            hidden: (B, Q, width) hidden states that enter layer `start`.
            cache: keys and values of earlier tokens.
            positions: (B, Q) rotary positions, or (3, B, Q) in time, height and width.
            masks: what each query may attend to, as from `masks`.
            start: first layer, 0-based.
            stop: layer after the last one; None for all remaining layers.
            between: a list that receives the hidden states after every layer, the last included.
            deep: what is added to the hidden states after the first, second, ... layer of the model, each (B, Q, width).

        Returns:
            (B, Q, width) hidden states after the last layer run.
        """
        rotary = self._rotary(hidden, positions)
        for layer in range(self.depth)[start:stop]:
            kind = self.kinds[layer]
            hidden = self.text_model.layers[layer](
                hidden,
                attention_mask=masks[kind],
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                position_embeddings=rotary[kind],
            )
            if layer < len(deep):
                hidden = hidden + deep[layer].to(hidden)
            if between is not None:
                between.append(hidden)
        return hidden

    def _rotary(self, hidden: Tensor, positions: Tensor) -> dict[str, Any]:
        """Rotary embeddings for each kind of layer; Gemma 3 has other frequencies in its windows."""
        embedding, kinds = self.text_model.rotary_emb, set(self.kinds)
        if hasattr(embedding, "layer_types"):
            return {kind: embedding(hidden, positions, kind) for kind in kinds}
        return dict.fromkeys(kinds, embedding(hidden, positions))

    def masks(self, queries: int, visible: Tensor, padded: bool, images: Tensor | None = None) -> Masks:
        """Return, for each kind of layer, which keys each of the last `queries` positions attends to.

        Args:
            queries: Q, the number of last positions that are queries.
            visible: (B, K) bool, False at padding.
            padded: whether any of `visible` is False; the caller knows this without asking the device.
            images: (B, K) number of the image of each token, -1 for text, if the tokens of an image attend to all of it.
        """
        full = causal_mask(queries, visible, padded, images)
        window = getattr(self.text_model.config, "sliding_window", None)
        if SLIDING not in self.kinds or window is None or visible.shape[1] <= window:
            return dict.fromkeys(self.kinds, full)
        keys = visible.shape[1]
        seen = full if full is not None else causal_mask(queries, visible, True, images)
        assert seen is not None
        position = visible.cumsum(1) - 1  # padding between prefix and question must not move the window
        near = position[:, keys - queries :, None] - position[:, None] < window
        place = torch.arange(keys, device=visible.device)
        itself = place[keys - queries :, None] == place
        return {FULL: full, SLIDING: (seen & near[:, None]) | itself}

    def logits(self, hidden: Tensor) -> Tensor:
        """Return next-token logits (B, vocabulary), fp32, for the last position of hidden states (B, Q, width)."""
        last: Tensor = self.lm_head(self.text_model.norm(hidden[:, -1:]))
        return last[:, 0].float()


def causal_mask(queries: int, visible: Tensor, padded: bool, images: Tensor | None = None) -> Tensor | None:
    """Return the mask under which each query attends to the visible keys up to its own position.

    Args:
        queries: Q, the number of last positions that are queries.
        visible: (B, K) bool, False at padding.
        padded: whether any of `visible` is False; the caller knows this without asking the device.
        images: (B, K) number of the image of each token, -1 for text, if the tokens of an image attend to all of it.

    Returns:
        (B, 1, Q, K) bool. None where plain causal attention is the same: no padding, and no cache or a single query.
    """
    keys = visible.shape[1]
    if queries in (1, keys) and not padded and images is None:
        return None
    position = torch.arange(keys - queries, keys, device=visible.device)[:, None]
    key = torch.arange(keys, device=visible.device)
    sees = (key <= position)[None]
    if images is not None:
        sees = sees | ((images[:, keys - queries :, None] == images[:, None]) & (images[:, None] >= 0))
    # Padding attends to itself: a row that attends to nothing is NaN on some devices, and NaN times a weight of 0 is NaN.
    return (sees[:, None] & visible[:, None, None, :]) | (key == position)
