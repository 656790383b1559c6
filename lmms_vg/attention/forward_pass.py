"""One pass of a batch's questions under a method's edits, and the decode steps behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from lmms_vg.attention.decoder import causal_mask
from lmms_vg.attention.diagnosis import Diagnosis
from lmms_vg.attention.edits import Edit
from lmms_vg.attention.interface import attend
from lmms_vg.attention.reference import ReferenceMaps
from lmms_vg.attention.unedited import UneditedRun


class Pass:
    """What `Batch.prefill` returns: questions that were run through all layers, ready to be decoded.

    Attributes:
        layout: of the batch.
        reference: maps of the reference prompts that belong to these questions.
        extras: what a method wants the journal to keep, a dict per question.
        seen: layer to (B, H, N), maps of the watched rows; empty if none are watched.
        diagnosis: what the edits did to the attention, if asked for.
    """

    def __init__(
        self, unedited: UneditedRun, reference: ReferenceMaps, edits: Sequence[Edit] = (), diagnose: bool = False
    ) -> None:
        self.layout, self.reference, self._decoder = unedited.layout, reference, unedited.decoder
        self.extras: list[dict[str, Any]] = [{} for _ in self.layout.prompts]
        self.diagnosis: Diagnosis | None = None
        first = min((layer for edit in edits for layer in edit.layers), default=unedited.depth)
        unedited.advance(first)
        watched, rest = unedited.watched, range(first, unedited.depth)
        self.seen = {} if watched is None else unedited.maps(watched, range(first))
        looks = [] if watched is None or not rest else [unedited.capture(watched, rest)]
        looking: list[Edit] = [*edits, *looks]
        if diagnose:
            self.diagnosis = Diagnosis(edits, self.layout.last, self.layout.image_keys(), unedited.depth)
            if edits:
                looking = [self.diagnosis.before, *looking, self.diagnosis.after]
            else:  # the layers may all be done: a run of its own
                unedited.leave(0, self.diagnosis.before, self.diagnosis.after)
        hidden, self._cache = unedited.leave(first, *looking)
        for look in looks:
            self.seen |= look.maps
        self._own = unedited.logits(hidden)
        self._edits, self._visible, self._position = edits, self.layout.visible, self.layout.positions[:, -1:]
        self._contrast: tuple[Pass, Callable[[Tensor, Tensor], Tensor]] | None = None

    def step(self, tokens: Tensor) -> None:
        """One decode step: `tokens` (B,) go behind what is cached; `logits` are then those after them."""
        one = torch.ones(len(self.layout), 1, dtype=torch.bool, device=self._visible.device)
        self._visible = torch.cat([self._visible, one], dim=1)
        self._position = self._position + 1
        hidden = self.layout.family.embed_text(tokens[:, None])
        with attend(self._decoder.model, *self._edits):
            mask = causal_mask(1, self._visible, self.layout.padded)
            hidden = self._decoder.run(hidden, self._cache, self._position, mask)
        self._own = self._decoder.logits(hidden)
        if self._contrast is not None:
            self._contrast[0].step(tokens)

    @property
    def logits(self) -> Tensor:
        """(B, vocabulary) after the prompt or the last `step`: what the next token is chosen by."""
        return self.logits_without(())

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

    @property
    def finite(self) -> Tensor:
        """(B,) bool on the device: whether the model's logits are, and those they are contrasted with."""
        finite = self._own.isfinite().all(-1)
        return finite if self._contrast is None else finite & self._contrast[0].finite

    def contrast(self, other: Pass, combine: Callable[[Tensor, Tensor], Tensor]) -> None:
        """Choose tokens by `combine(own logits, the other's)` from now on; `other` takes the same steps."""
        self._contrast = other, combine
