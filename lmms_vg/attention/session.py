"""An image prefix, prefilled once: the keys and values of all tokens up to the end of the image.

Text before or between images makes the prefix differ from question to question. Each question then has a session of its
own, which costs one full pass on the same code path.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lmms_vg.attention.decoder import Decoder, KeyValue, cache_of, layers_of
from lmms_vg.attention.edits import Capture
from lmms_vg.attention.interface import attend
from lmms_vg.models.base import Family, Prompt

#: Query rows over which a map is averaged (paper Sec. 2.2: last; supplement: question, all).
Rows = Literal["last", "question", "all"]


class ImageSession:
    """The cached prefix of one prompt.

    Args:
        family: the model.
        prompt: a prompt with this prefix.
        sums: whether to sum the attention of all prefix rows to the image tokens, which maps over "all" rows need.
    """

    def __init__(self, family: Family, prompt: Prompt, sums: bool = False) -> None:
        self.family = family
        self.decoder = Decoder(family.model, family.text_model, family.lm_head)
        self.prefix = prompt.prefix
        self.references: dict[tuple[Rows, tuple[int, ...]], dict[int, Tensor]] = {}
        self.sums: dict[int, Tensor] = {}
        self.layers: list[KeyValue | None] = [None] * self.decoder.depth
        if self.prefix:
            self._prefill(prompt, sums)

    def _prefill(self, prompt: Prompt, sums: bool) -> None:
        hidden = self.family.embed(prompt)
        positions = torch.arange(self.prefix, device=hidden.device)[None]
        cache = cache_of(self.layers)
        keys = prompt.image_tokens[None].to(hidden.device)
        capture = Capture(range(self.decoder.depth), torch.tensor([[0, self.prefix]]), keys)
        with attend(self.decoder.model, *([capture] if sums else [])):
            self.decoder.run(hidden, cache, positions, None)
        self.layers = layers_of(cache)
        self.sums = capture.sums  # empty unless `sums`


def stacked(sessions: Sequence[ImageSession], layer: int) -> KeyValue | None:
    """Return prefix keys and values of all rows; rows on one session share memory until the cache concatenates."""
    pairs = [session.layers[layer] for session in sessions]
    first = pairs[0]
    if first is None:
        return None
    if all(session is sessions[0] for session in sessions):
        return first[0].expand(len(pairs), -1, -1, -1), first[1].expand(len(pairs), -1, -1, -1)
    filled = [pair for pair in pairs if pair is not None]
    return torch.cat([pair[0] for pair in filled]), torch.cat([pair[1] for pair in filled])


class Sessions:
    """Opens image sessions and keeps the most recently used ones, so that further questions about an image reuse its prefix.

    Args:
        family: the model.
        capacity: number of sessions to keep.
        sums: as for `ImageSession`.
    """

    def __init__(self, family: Family, capacity: int = 0, sums: bool = False) -> None:
        self._family, self._capacity, self._sums = family, capacity, sums
        self._kept: OrderedDict[object, ImageSession] = OrderedDict()

    def open(self, prompt: Prompt, keep: bool = True) -> ImageSession:
        """Return the kept session of a prompt's prefix, or a new one; without `keep` always a new one."""
        if not keep:
            return ImageSession(self._family, prompt, self._sums)
        session = self._kept.pop(prompt.prefix_key, None) or ImageSession(self._family, prompt, self._sums)
        self._kept[prompt.prefix_key] = session
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return session
