"""B questions asked on clones of their images' caches: run through any layers under edits, decoded.

What the unedited model makes of them is computed once, layer by layer and as far as needed; a prefill under edits starts from
there at the first edited layer. So several methods, or several settings of one, share all that they can.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from lmms_vg.attention.decoder import KeyValue, cache_of, causal_mask, layers_of
from lmms_vg.attention.diagnosis import Diagnosis
from lmms_vg.attention.edits import Capture, Edit
from lmms_vg.attention.interface import attend
from lmms_vg.attention.layout import Layout
from lmms_vg.attention.session import ImageSession, Rows
from lmms_vg.models.base import Prompt

#: What torch raises after a device-side fault (running out of memory is another error); none in older versions.
DEVICE_IS_GONE: tuple[type[Exception], ...] = tuple(filter(None, [getattr(torch, "AcceleratorError", None)]))

#: What is said of a question whose logits are not, in prefill or in a decode step.
NOT_FINITE = "the model's logits are not finite (NaN or infinite); are the weights sound, does dtype=float32 help?"


class Batch(Layout):
    """B questions, each on its image session; all sessions have equally long prefixes and equally many image tokens.

    Attributes:
        extras: what a method wants the journal to keep, per question; emptied by `prefill`.
        targets: (rows, cols) bool masks of the annotated boxes on the first image's grid, None where there are none.
        watched: rows whose maps `prefill` leaves in `seen`; None for no watching.
        diagnose: whether `prefill` leaves a `Diagnosis` in `diagnosis`.
    """

    def __init__(
        self,
        sessions: list[ImageSession],
        prompts: list[Prompt],
        references: list[Prompt],
        open_session: Callable[[Prompt], ImageSession] | None = None,
    ) -> None:
        prefixes = {session.prefix for session in sessions}
        if len(prefixes) != 1:
            raise ValueError(f"questions of one batch need equally long prefixes, got {sorted(prefixes)}")
        super().__init__(sessions[0].family, prompts, prefixes.pop())
        self.sessions, self.reference_prompts = sessions, references
        self.decoder = sessions[0].decoder
        self.open_session = open_session or self._new_session
        self.targets: list[Any] = [None] * len(prompts)
        self.extras: list[dict[str, Any]] = [{} for _ in prompts]
        self.watched: Rows | None = None
        self.seen: dict[int, Tensor] = {}
        self.diagnose = False
        self.diagnosis: Diagnosis | None = None
        self._shared = [self._stack(layer) for layer in range(self.decoder.depth)]
        # The unedited model: hidden states entering each layer, and keys and values of each, as far as it was run.
        self._entering: list[Tensor] = [self.embedded]
        self._unedited: list[KeyValue | None] = []
        self._maps: dict[Rows, dict[int, Tensor]] = {}
        self._contrast: tuple[Batch, Callable[[Tensor, Tensor], Tensor]] | None = None

    def _new_session(self, prompt: Prompt) -> ImageSession:
        return ImageSession(self.family, prompt, sums=any(session.sums for session in self.sessions))

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
        keys = self.image_tokens.to(self.visible.device)
        span = {"last": self.last, "question": self.question, "all": self.post_image}[rows]
        if rows != "all":
            return Capture(layers, span, keys, heads)
        if self.prefix and not all(session.sums for session in self.sessions):
            raise ValueError('rows="all" needs sessions made with sums=True')
        before = {layer: torch.cat([session.sums[layer] for session in self.sessions]) for layer in layers}
        return Capture(layers, span, keys, heads, before, self.prefix)

    def maps(self, rows: Rows = "last", layers: list[int] | None = None) -> dict[int, Tensor]:
        """Maps of the unedited model: layer to (B, H, N). Computed once; runs no layer beyond the last one asked for."""
        wanted = range(self.decoder.depth) if layers is None else sorted(set(layers))
        known = self._maps.setdefault(rows, {})
        for layer in wanted:
            if layer not in known and layer < len(self._unedited):  # passed already, without looking
                look = self.capture(rows, [layer])
                with attend(self.decoder.model, look):
                    self._run(self._entering[layer], cache_of(self._shared), layer, layer + 1)
                known |= look.maps
        self._advance(max(wanted, default=-1) + 1, rows, [layer for layer in wanted if layer >= len(self._unedited)])
        return {layer: known[layer] for layer in wanted}

    def _advance(self, stop: int, rows: Rows | None = None, layers: list[int] | None = None) -> None:
        """Run the unedited model on to layer `stop` (exclusive), looking at `layers`, and at all if watched."""
        start = len(self._unedited)
        if start >= stop:
            return
        looks: dict[Rows, Capture] = {}
        if self.watched is not None:
            looks[self.watched] = self.capture(self.watched, list(range(start, stop)))
        if rows is not None and layers and rows not in looks:
            looks[rows] = self.capture(rows, layers)
        cache = cache_of(self._shared)
        with attend(self.decoder.model, *looks.values()):
            self._run(self._entering[start], cache, start, stop, self._entering)
        self._unedited += layers_of(cache)[start:stop]
        for which, look in looks.items():
            self._maps.setdefault(which, {}).update(look.maps)

    def _run(
        self, hidden: Tensor, cache: DynamicCache, start: int, stop: int, between: list[Tensor] | None = None
    ) -> Tensor:
        return self.decoder.run(hidden, cache, self.positions, self.mask, start, stop, between)

    def prefill(self, *edits: Edit) -> None:
        """Run the questions through all layers under `edits`, so that decoding may start.

        Layers below the first edited one are the unedited model's. The edits stay in force while decoding; those on prompt
        rows have no row left to act on.

        Raises:
            ValueError: the logits are not finite.
        """
        depth = self.decoder.depth
        first = min((layer for edit in edits for layer in edit.layers), default=depth)
        self._advance(first)
        self.cache = cache_of([*self._unedited[:first], *self._shared[first:]])
        seen = {} if self.watched is None else self.maps(self.watched, list(range(first)))
        look = [] if self.watched is None or first == depth else [self.capture(self.watched, list(range(first, depth)))]
        self.diagnosis = Diagnosis(edits, self.last, self.image_keys(), depth) if self.diagnose else None
        watched = (*edits, *look)
        if self.diagnosis and edits:
            watched = (self.diagnosis.before, *watched, self.diagnosis.after)
        elif self.diagnosis:  # nothing is edited, and the layers may all be done: a pass of its own
            with attend(self.decoder.model, self.diagnosis.before, self.diagnosis.after):
                self._run(self._entering[0], cache_of(self._shared), 0, depth)
        with attend(self.decoder.model, *watched):
            hidden = self._run(self._entering[first], self.cache, first, depth)
        self.seen = seen | (look[0].maps if look else {})
        self._own = self.decoder.logits(hidden)
        if not self._own.isfinite().all():
            raise ValueError(NOT_FINITE)
        self._edits, self._visible, self._position = edits, self.visible, self.positions[:, -1:]
        self._contrast = None
        self.extras = [{} for _ in self.prompts]

    def step(self, tokens: Tensor) -> None:
        """One decode step: `tokens` (B,) go behind what is cached; `logits` are then those after them."""
        one = torch.ones(len(self), 1, dtype=torch.bool, device=self._visible.device)
        self._visible = torch.cat([self._visible, one], dim=1)
        self._position = self._position + 1
        hidden = self.family.embed_text(tokens[:, None])
        with attend(self.decoder.model, *self._edits):
            mask = causal_mask(1, self._visible, self.padded)
            hidden = self.decoder.run(hidden, self.cache, self._position, mask)
        self._own = self.decoder.logits(hidden)
        if self._contrast is not None:
            self._contrast[0].step(tokens)

    @property
    def logits(self) -> Tensor:
        """(B, vocabulary) after the last `prefill` or `step`: what the next token is chosen by."""
        return self.logits_without(())

    @property
    def finite(self) -> Tensor:
        """(B,) bool on the device: whether the model's logits are, and those they are contrasted with."""
        finite = self._own.isfinite().all(-1)
        return finite if self._contrast is None else finite & self._contrast[0].finite

    def logits_without(self, tokens: Collection[int]) -> Tensor:
        """The same with `tokens` out of the question (-inf): a contrast takes its cut-off from what is left."""
        own = self._own
        if tokens:
            own = own.clone()
            own[:, sorted(tokens)] = -torch.inf
        if self._contrast is None:
            return own
        other, combine = self._contrast
        return combine(own, other.logits)

    def contrast(self, other: Batch, combine: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Choose tokens by `combine(own logits, the other's)` from now on; `other`, prefilled too, takes the same steps."""
        self._contrast = other, combine

    def beside(self, prompts: list[Prompt], references: list[Prompt] | None = None, keep: bool = False) -> Batch:
        """The same questions in another form: without the image, with a noised one, with a second one.

        Args:
            references: reference prompts to go with them; with these the batch is watched and diagnosed like this one.
            keep: keep the sessions for later questions with the same prefix (`Method.prefixes` says how many a question
                needs).
        """
        sessions = [self.open_session(prompt) if keep else self._new_session(prompt) for prompt in prompts]
        made = Batch(sessions, prompts, references or prompts, self.open_session)
        made.targets = self.targets
        if references is not None:
            made.watched, made.diagnose = self.watched, self.diagnose
        return made

    def reference(self, rows: Rows = "last", layers: list[int] | None = None) -> dict[int, Tensor]:
        """Maps of the reference prompt: layer to (B, H, N). Asked once per session and kept there."""
        wanted = set(range(self.decoder.depth)) if layers is None else set(layers)
        if self.watched == rows:  # the alignment will want every layer: one pass serves both
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
            maps = asked.maps(rows, sorted(wanted))
            for row, i in enumerate(indices):
                known = self.sessions[i].references.setdefault(keys[i], {})
                known |= {layer: maps[layer][row] for layer in wanted}
        found = [session.references[key] for session, key in zip(self.sessions, keys, strict=True)]
        return {layer: torch.stack([maps[layer] for maps in found]) for layer in sorted(wanted)}

    def _reference_session(self, i: int, rows: Rows) -> ImageSession:
        """The question's own session, unless text before the image makes the reference's prefix another one."""
        if self.reference_prompts[i].prefix_key == self.prompts[i].prefix_key:
            return self.sessions[i]
        return ImageSession(self.family, self.reference_prompts[i], sums=rows == "all")
