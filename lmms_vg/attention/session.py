"""One image prefix, prefilled once; questions asked on clones of its cache.

`ImageSession` holds the keys and values of everything up to the end of the image. `Batch` asks B questions, each on its
session: it pads the questions on the left (between prefix and question, so the last token is always the last column),
runs them through any range of layers under edits, and keeps what is needed to run the later layers again.

Where text stands before or between images the prefix differs from question to question: then each question simply has a
session of its own, which is one full pass, on the same code path.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lmms_vg.attention.decoder import Decoder, KeyValue, cache_of, causal_mask, layers_of
from lmms_vg.attention.edits import Capture, Edit
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


class Batch:
    """B questions, each on its image session; all sessions have equally long prefixes and equally many image tokens.

    Attributes:
        last, post_image, question: (B, 2) row ranges of the last prompt token, of everything behind the image, and of
            the user's text; absolute, padding included.
        image_tokens: (B, N) key positions.
        logits: (B, vocabulary) after the last complete `prefill`.
        probe: a capture that takes part in every prefill, so that it shows the attention the answer was given with.
    """

    def __init__(self, sessions: list[ImageSession], prompts: list[Prompt], references: list[Prompt]) -> None:
        self.sessions, self.prompts, self.reference_prompts = sessions, prompts, references
        self.family, self.decoder = sessions[0].family, sessions[0].decoder
        prefixes = {session.prefix for session in sessions}
        if len(prefixes) != 1:
            raise ValueError(f"questions of one batch need equally long prefixes, got {sorted(prefixes)}")
        self.prefix = prefixes.pop()
        suffixes = [prompt.input_ids[self.prefix :] for prompt in prompts]
        width = max(len(suffix) for suffix in suffixes)
        pads = torch.tensor([width - len(suffix) for suffix in suffixes])
        ids = torch.stack([torch.nn.functional.pad(s, (width - len(s), 0), value=int(s[0])) for s in suffixes])
        self.embedded = self.family.embed_text(ids)
        device = self.embedded.device

        end = self.prefix + width
        column = torch.arange(end)
        visible = (column < self.prefix) | (column >= self.prefix + pads[:, None])
        self.visible = visible.to(device)
        self.positions = (torch.arange(self.prefix, end) - pads[:, None]).clamp_min(0).to(device)
        self.padded = bool(pads.any())
        self.mask = causal_mask(width, self.visible, self.padded)

        def spans(starts: list[int], stops: list[int]) -> Tensor:
            return torch.tensor([starts, stops]).T + pads[:, None]

        lengths = [len(prompt.input_ids) for prompt in prompts]
        self.last = spans([length - 1 for length in lengths], lengths)
        self.post_image = spans([self.prefix] * len(prompts), lengths)
        self.question = spans([p.question[0] for p in prompts], [p.question[1] for p in prompts])
        self.image_tokens = torch.stack([prompt.image_tokens for prompt in prompts])
        self.probe: Capture | None = None
        self.cache = cache_of([None] * self.decoder.depth)
        self._shared = [self._stack(layer) for layer in range(self.decoder.depth)]
        self._entering: dict[int, Tensor] = {0: self.embedded}

    def __len__(self) -> int:
        return len(self.prompts)

    def _stack(self, layer: int) -> KeyValue | None:
        """Prefix keys and values of all rows; rows on the same session share memory until the cache concatenates."""
        pairs = [session.layers[layer] for session in self.sessions]
        first = pairs[0]
        if first is None:
            return None
        if all(session is self.sessions[0] for session in self.sessions):
            return first[0].expand(len(pairs), -1, -1, -1), first[1].expand(len(pairs), -1, -1, -1)
        filled = [pair for pair in pairs if pair is not None]
        return torch.cat([pair[0] for pair in filled]), torch.cat([pair[1] for pair in filled])

    def capture(self, rows: Rows = "last", layers: list[int] | None = None, heads: list[int] | None = None) -> Capture:
        """A capture of `rows` to the image tokens, to be passed to `prefill`; all layers by default."""
        layers = list(range(self.decoder.depth)) if layers is None else layers
        keys = self.image_tokens.to(self.embedded.device)
        span = {"last": self.last, "question": self.question, "all": self.post_image}[rows]
        if rows != "all":
            return Capture(layers, span, keys, heads)
        if self.prefix and not all(session.sums for session in self.sessions):
            raise ValueError('rows="all" needs sessions made with sums=True')
        before = {layer: torch.cat([session.sums[layer] for session in self.sessions]) for layer in layers}
        return Capture(layers, span, keys, heads, before, self.prefix)

    def prefill(self, *edits: Edit, start: int = 0, stop: int | None = None, keep: int | None = None) -> None:
        """Run the questions through layers `start` to `stop` (exclusive) under `edits`.

        Args:
            start: 0, or a layer an earlier prefill kept. Layers below keep what they computed then: an edit of layers
                from `start` on leaves them bit-identical.
            stop: leave early; `logits` is then not touched.
            keep: keep the hidden states that enter this layer, so that a later prefill may start there.
        """
        stop = self.decoder.depth if stop is None else stop
        earlier = layers_of(self.cache)
        self.cache = cache_of([earlier[i] if i < start else self._shared[i] for i in range(self.decoder.depth)])
        hidden = self._entering[start]
        probes = () if self.probe is None else (self.probe,)
        with attend(self.decoder.model, *edits, *probes):
            if keep is not None and start < keep <= stop:
                hidden = self.decoder.run(hidden, self.cache, self.positions, self.mask, start, keep)
                self._entering[keep] = hidden
                start = keep
            hidden = self.decoder.run(hidden, self.cache, self.positions, self.mask, start, stop)
        self._edits, self._seen, self._position = edits, self.visible, self.positions[:, -1:]
        if stop == self.decoder.depth:
            self.logits = self.decoder.logits(hidden)

    def step(self, tokens: Tensor) -> None:
        """One decode step: `tokens` (B,) go behind what is cached; `logits` are then those after them.

        The edits of the last prefill stay in force; those on prompt rows have no row left to act on.
        """
        one = torch.ones(len(self), 1, dtype=torch.bool, device=self._seen.device)
        self._seen = torch.cat([self._seen, one], dim=1)
        self._position = self._position + 1
        hidden = self.family.embed_text(tokens[:, None])
        with attend(self.decoder.model, *self._edits):
            mask = causal_mask(1, self._seen, self.padded)
            hidden = self.decoder.run(hidden, self.cache, self._position, mask)
        self.logits = self.decoder.logits(hidden)

    def reference(self, rows: Rows = "last", layers: list[int] | None = None) -> dict[int, Tensor]:
        """Maps of the reference prompt: layer to (B, H, N). Asked once per session and kept there."""
        wanted = set(range(self.decoder.depth)) if layers is None else set(layers)
        if self.probe is not None:  # the alignment will want every layer: one pass serves both
            wanted = set(range(self.decoder.depth))
        keys = [(rows, tuple(prompt.input_ids.tolist())) for prompt in self.reference_prompts]
        missing: dict[tuple[int, object], int] = {}
        for i, (session, key) in enumerate(zip(self.sessions, keys, strict=True)):
            if not wanted <= session.references.get(key, {}).keys():
                missing.setdefault((id(session), key), i)
        if missing:
            indices = list(missing.values())
            asked = Batch(
                [self._reference_session(i, rows) for i in indices],
                [self.reference_prompts[i] for i in indices],
                [self.reference_prompts[i] for i in indices],
            )
            capture = asked.capture(rows, sorted(wanted))
            asked.prefill(capture, stop=max(wanted) + 1)
            maps = capture.maps
            for row, i in enumerate(indices):
                self.sessions[i].references[keys[i]] = {layer: maps[layer][row] for layer in wanted}
        found = [session.references[key] for session, key in zip(self.sessions, keys, strict=True)]
        return {layer: torch.stack([maps[layer] for maps in found]) for layer in sorted(wanted)}

    def _reference_session(self, i: int, rows: Rows) -> ImageSession:
        """The question's own session, unless text before the image makes the reference's prefix another one."""
        if self.reference_prompts[i].prefix_key == self.prompts[i].prefix_key:
            return self.sessions[i]
        return ImageSession(self.family, self.reference_prompts[i], sums=rows == "all")
