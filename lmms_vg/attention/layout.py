"""Questions of different lengths as one batch: padding, positions, masks and row ranges.

Padding goes between prefix and question, so the last token is always in the last column. Row ranges and key positions are
absolute and count the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lmms_vg.attention.decoder import Decoder
from lmms_vg.models.base import Family, Prompt


class Layout:
    """B prompts after equally long prefixes.

    Attributes:
        prefix: number of tokens up to the end of the image, which are in the cache already.
        embedded: (B, Q, width) input embeddings of the tokens after the prefix.
        visible: (B, K) bool over key positions, False at padding.
        padded: whether there is any padding.
        positions: (B, Q) rotary positions.
        masks: what each row may attend to, as from `Decoder.masks`.
        last, post_image, question: (B, 2) row ranges of the last prompt token, of everything after the image, and of
            the user's text.
        image_tokens: (B, N) key positions.
    """

    def __init__(self, family: Family, decoder: Decoder, prompts: Sequence[Prompt], prefix: int) -> None:
        self.family, self.prompts, self.prefix = family, prompts, prefix
        suffixes = [prompt.input_ids[prefix:] for prompt in prompts]
        width = max(len(suffix) for suffix in suffixes)
        pads = torch.tensor([width - len(suffix) for suffix in suffixes])
        ids = torch.stack([torch.nn.functional.pad(s, (width - len(s), 0), value=int(s[0])) for s in suffixes])
        self.embedded = family.embed_text(ids)
        device = self.embedded.device

        end = prefix + width
        column = torch.arange(end)
        visible = (column < prefix) | (column >= prefix + pads[:, None])
        self.visible = visible.to(device)
        # Text has the same position in every dimension, so that rows after the image need one dimension only.
        shifts = torch.tensor([prompt.shift for prompt in prompts])
        self.positions = (torch.arange(prefix, end) + (shifts - pads)[:, None]).clamp_min(0).to(device)
        self.padded = bool(pads.any())
        self.masks = decoder.masks(width, self.visible, self.padded)

        def spans(starts: list[int], stops: list[int]) -> Tensor:
            return torch.tensor([starts, stops]).T + pads[:, None]

        lengths = [len(prompt.input_ids) for prompt in prompts]
        self.last = spans([length - 1 for length in lengths], lengths)
        self.post_image = spans([prefix] * len(prompts), lengths)
        self.question = spans([p.question[0] for p in prompts], [p.question[1] for p in prompts])
        self.image_tokens = torch.stack([prompt.image_tokens for prompt in prompts])

    def __len__(self) -> int:
        return len(self.prompts)

    def image_keys(self, chosen: Tensor | None = None) -> Tensor:
        """Return (B, K) bool over key positions: the image tokens, or only those that `chosen` (B, N) marks."""
        device = self.visible.device
        if chosen is None:
            chosen = torch.ones_like(self.image_tokens, dtype=torch.bool)
        keys = torch.zeros(self.visible.shape, dtype=torch.bool, device=device)
        return keys.scatter_(1, self.image_tokens.to(device), chosen.to(device))

    def before_image(self) -> Tensor:
        """Return (B, K) bool over key positions: all tokens before the first image token, begin-of-text included."""
        device = self.visible.device
        first = torch.tensor([[prompt.starts[0]] for prompt in self.prompts], device=device)
        return torch.arange(self.visible.shape[1], device=device) < first
