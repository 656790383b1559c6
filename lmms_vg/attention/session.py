"""One image prefix, prefilled once: the keys and values of everything up to the end of the image.

Where text stands before or between images the prefix differs from question to question: then each question simply has a
session of its own, which is one full pass, on the same code path.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lmms_vg.attention.decoder import Decoder, KeyValue, cache_of, layers_of
from lmms_vg.attention.edits import Capture
from lmms_vg.attention.interface import attend
from lmms_vg.models.base import Family, Prompt

#: Which query rows a map is averaged over (paper Sec. 2.2: last; supplement: question, all).
Rows = Literal["last", "question", "all"]


class ImageSession:
    """The prefix of one prompt in the cache.

    Args:
        sums: also sum every prefix row's attention to the image tokens, which maps over "all" rows need.
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
        self.sums = capture.sums  # empty unless it took part
