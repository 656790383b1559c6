"""The unedited model's run of B questions on clones of their image caches, computed once, layer by layer, as far as needed.

A pass under edits branches off at the first edited layer. So several methods, or several settings of one method, share all
layers below it.
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
from lmms_vg.attention.session import ImageSession, Rows, Selections, common_prefix, stacked
from lmms_vg.attention.stages import stage
from lmms_vg.models.base import Prompt

#: Error message for logits that are not finite, in prefill or in a decode step.
NOT_FINITE = "the model's logits are not finite (NaN or infinite); check the weights, or try dtype=float32"


class UneditedRun:
    """B questions, each on its image session. All prefixes are equally long and hold equally many image tokens.

    Attributes:
        watched: selections of rows to capture at every layer.
    """

    def __init__(self, sessions: Sequence[ImageSession], prompts: Sequence[Prompt], watched: Selections = ()) -> None:
        self.decoder, self.depth = sessions[0].decoder, sessions[0].decoder.depth
        self.layout = Layout(sessions[0].family, self.decoder, prompts, common_prefix(sessions))
        self.watched = watched
        self._sessions = sessions
        self._prefix = [stacked(sessions, layer) for layer in range(self.depth)]
        # Hidden states that enter each layer, keys and values of each layer, and maps, as far as the model has run.
        self._entering: list[Tensor] = [self.layout.embedded]
        self._layers: list[KeyValue | None] = []
        self._maps: dict[Rows, dict[int, Tensor]] = {}

    def capture(self, rows: Rows = "last", layers: Iterable[int] | None = None, beside: bool = False) -> Capture:
        """Return a capture of attention from `rows` to the image tokens, for `attend`; all layers by default.

        With `beside`, the capture leaves the result of the other edits bit-identical.

        Raises:
            ValueError: all rows are asked for, but the sessions were opened without `sums`.
        """
        layers = list(range(self.depth) if layers is None else layers)
        layout = self.layout
        keys = layout.image_tokens.to(layout.visible.device)
        span = {"last": layout.last, "question": layout.question, "all": layout.post_image}[rows]
        if rows != "all":
            return Capture(layers, span, keys, beside=beside)
        if layout.prefix and not all(session.sums for session in self._sessions):
            raise ValueError('rows="all" needs sessions opened with sums=True')
        before = {layer: torch.cat([session.sums[layer] for session in self._sessions]) for layer in layers}
        return Capture(layers, span, keys, before=before, seen=layout.prefix, beside=beside)

    def maps(self, rows: Rows = "last", layers: Iterable[int] | None = None) -> dict[int, Tensor]:
        """Return layer to (B, H, N), all layers by default. Each map is computed once, and no layer above the last runs."""
        wanted = range(self.depth) if layers is None else sorted(set(layers))
        known = self._maps.setdefault(rows, {})
        for layer in wanted:
            if layer not in known and layer < len(self._layers):  # passed already without a capture
                look = self.capture(rows, [layer])
                with stage("capture"), attend(self.decoder.model, look):
                    self._run(self._entering[layer], cache_of(self._prefix), layer, layer + 1)
                known |= look.maps
        self.advance(max(wanted, default=-1) + 1, rows, [layer for layer in wanted if layer >= len(self._layers)])
        return {layer: known[layer] for layer in wanted}

    def advance(self, stop: int, rows: Rows = "last", layers: Sequence[int] = ()) -> None:
        """Advance to layer `stop` (exclusive); capture `rows` at `layers`, and the watched rows at every layer."""
        start = len(self._layers)
        if start >= stop:
            return
        looks = {watched: self.capture(watched, range(start, stop)) for watched in self.watched}
        if layers and rows not in looks:
            looks[rows] = self.capture(rows, layers)
        cache = cache_of(self._prefix)
        with stage("capture"), attend(self.decoder.model, *looks.values()):
            self._run(self._entering[start], cache, start, stop, self._entering)
        self._layers += layers_of(cache)[start:stop]
        for kind, capture in looks.items():
            self._maps.setdefault(kind, {}).update(capture.maps)

    def leave(self, first: int, *edits: Edit) -> tuple[Tensor, DynamicCache]:
        """Branch off from the unedited run: run the layers from `first` on under `edits`.

        Returns:
            Hidden states after the last layer, (B, Q, width), and a cache to decode on.
        """
        self.advance(first)
        cache = cache_of([*self._layers[:first], *self._prefix[first:]], growing=True)
        with stage("knockout"), attend(self.decoder.model, *edits):
            return self._run(self._entering[first], cache, first, self.depth), cache

    def logits(self, hidden: Tensor) -> Tensor:
        """Return next-token logits (B, vocabulary), fp32, for hidden states from `leave`.

        Raises:
            ValueError: the logits are not finite.
        """
        logits = self.decoder.logits(hidden)
        if not logits.isfinite().all():
            raise ValueError(NOT_FINITE)
        return logits

    def _run(
        self, hidden: Tensor, cache: DynamicCache, start: int, stop: int, between: list[Tensor] | None = None
    ) -> Tensor:
        return self.decoder.run(hidden, cache, self.layout.positions, self.layout.masks, start, stop, between)
