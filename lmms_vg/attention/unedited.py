"""The unedited model's run of B questions on clones of their images' caches: computed once, layer by layer, as far as needed.

A pass under edits leaves it at the first edited layer. So several methods, or several settings of one, share all that they
can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from lmms_vg.attention.decoder import KeyValue, cache_of, layers_of
from lmms_vg.attention.edits import Capture, Edit
from lmms_vg.attention.interface import attend
from lmms_vg.attention.layout import Layout
from lmms_vg.attention.session import ImageSession, Rows, stacked
from lmms_vg.models.base import Prompt

#: What is said of a question whose logits are not, in prefill or in a decode step.
NOT_FINITE = "the model's logits are not finite (NaN or infinite); are the weights sound, does dtype=float32 help?"


class UneditedRun:
    """B questions, each on its image session; all sessions have equally long prefixes and equally many image tokens.

    Attributes:
        watched: rows that are captured at every layer on the way; None for none.
    """

    def __init__(
        self, sessions: Sequence[ImageSession], prompts: Sequence[Prompt], watched: Rows | None = None
    ) -> None:
        prefixes = {session.prefix for session in sessions}
        if len(prefixes) != 1:
            raise ValueError(f"questions of one batch need equally long prefixes, got {sorted(prefixes)}")
        self.layout = Layout(sessions[0].family, prompts, prefixes.pop())
        self.decoder, self.depth = sessions[0].decoder, sessions[0].decoder.depth
        self.watched = watched
        self._sessions = sessions
        self._prefix = [stacked(sessions, layer) for layer in range(self.depth)]
        # Hidden states entering each layer, keys and values of each, and maps, as far as the model was run.
        self._entering: list[Tensor] = [self.layout.embedded]
        self._layers: list[KeyValue | None] = []
        self._maps: dict[Rows, dict[int, Tensor]] = {}

    def capture(self, rows: Rows = "last", layers: Iterable[int] | None = None) -> Capture:
        """A capture of `rows` to the image tokens, for `attend`; all layers by default."""
        layers = list(range(self.depth) if layers is None else layers)
        layout = self.layout
        keys = layout.image_tokens.to(layout.visible.device)
        span = {"last": layout.last, "question": layout.question, "all": layout.post_image}[rows]
        if rows != "all":
            return Capture(layers, span, keys)
        if layout.prefix and not all(session.sums for session in self._sessions):
            raise ValueError('rows="all" needs sessions made with sums=True')
        before = {layer: torch.cat([session.sums[layer] for session in self._sessions]) for layer in layers}
        return Capture(layers, span, keys, before=before, seen=layout.prefix)

    def maps(self, rows: Rows = "last", layers: Iterable[int] | None = None) -> dict[int, Tensor]:
        """Layer to (B, H, N). Computed once; runs no layer beyond the last one asked for."""
        wanted = range(self.depth) if layers is None else sorted(set(layers))
        known = self._maps.setdefault(rows, {})
        for layer in wanted:
            if layer not in known and layer < len(self._layers):  # passed already, without looking
                look = self.capture(rows, [layer])
                with attend(self.decoder.model, look):
                    self._run(self._entering[layer], cache_of(self._prefix), layer, layer + 1)
                known |= look.maps
        self.advance(max(wanted, default=-1) + 1, rows, [layer for layer in wanted if layer >= len(self._layers)])
        return {layer: known[layer] for layer in wanted}

    def advance(self, stop: int, rows: Rows = "last", layers: Sequence[int] = ()) -> None:
        """Run on to layer `stop` (exclusive), capturing `rows` at `layers`, and what is watched at every layer."""
        start = len(self._layers)
        if start >= stop:
            return
        looks: dict[Rows, Capture] = {}
        if self.watched is not None:
            looks[self.watched] = self.capture(self.watched, range(start, stop))
        if layers and rows not in looks:
            looks[rows] = self.capture(rows, layers)
        cache = cache_of(self._prefix)
        with attend(self.decoder.model, *looks.values()):
            self._run(self._entering[start], cache, start, stop, self._entering)
        self._layers += layers_of(cache)[start:stop]
        for which, look in looks.items():
            self._maps.setdefault(which, {}).update(look.maps)

    def leave(self, first: int, *edits: Edit) -> tuple[Tensor, DynamicCache]:
        """Run the layers from `first` on under `edits`, beside the unedited run.

        Returns:
            Hidden states behind the last layer, (B, Q, width), and a cache to decode on.
        """
        self.advance(first)
        cache = cache_of([*self._layers[:first], *self._prefix[first:]])
        with attend(self.decoder.model, *edits):
            return self._run(self._entering[first], cache, first, self.depth), cache

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits (B, vocabulary) behind hidden states of `leave`.

        Raises:
            ValueError: they are not finite.
        """
        logits = self.decoder.logits(hidden)
        if not logits.isfinite().all():
            raise ValueError(NOT_FINITE)
        return logits

    def _run(
        self, hidden: Tensor, cache: DynamicCache, start: int, stop: int, between: list[Tensor] | None = None
    ) -> Tensor:
        return self.decoder.run(hidden, cache, self.layout.positions, self.layout.mask, start, stop, between)
