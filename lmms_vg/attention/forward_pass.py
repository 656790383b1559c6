"""One pass of a batch of questions under a method's edits, and the decode steps that follow."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from lmms_vg.attention.diagnosis import Diagnose, Diagnosis
from lmms_vg.attention.edits import Edit
from lmms_vg.attention.interface import attend
from lmms_vg.attention.reference import ReferenceMaps
from lmms_vg.attention.unedited import UneditedRun


class Pass:
    """Questions that were run through all layers and can be decoded: the result of `Batch.prefill`.

    Attributes:
        layout: the layout of the batch.
        reference: maps of the reference prompts of these questions.
        extras: what the method adds to the journal, one dict per question.
        seen: watched rows to their maps, layer to (B, H, N); empty if none are watched.
        diagnosis: the effect of the edits on attention; None if not requested.
    """

    def __init__(
        self, unedited: UneditedRun, reference: ReferenceMaps, edits: Sequence[Edit] = (), diagnose: Diagnose = "none"
    ) -> None:
        self.layout, self.reference, self._decoder = unedited.layout, reference, unedited.decoder
        self.extras: list[dict[str, Any]] = [{} for _ in self.layout.prompts]
        self.diagnosis: Diagnosis | None = None
        first = min((layer for edit in edits for layer in edit.layers), default=unedited.depth)
        watched, rest = unedited.watched, range(first, unedited.depth)
        self.seen = {rows: unedited.maps(rows, range(first)) for rows in watched}
        looks = {rows: unedited.capture(rows, rest, beside=rows != watched[0]) for rows in watched if rest}
        looking: list[Edit] = [*edits, *looks.values()]
        if diagnose == "all" or (diagnose == "edits" and edits):
            self.diagnosis = Diagnosis(edits, self.layout.last, self.layout.image_keys(), unedited.depth)
            if edits:
                looking = [self.diagnosis.before, *looking, self.diagnosis.after]
            else:  # the unedited run may have passed all layers, so run them again
                unedited.leave(0, self.diagnosis.before, self.diagnosis.after)
        hidden, self._cache = unedited.leave(first, *looking)
        for rows, look in looks.items():
            self.seen[rows] |= look.maps
        self._logits = unedited.logits(hidden)
        self._edits, self._visible, self._position = edits, self.layout.visible, self.layout.positions[:, -1:]
        self._contrast: tuple[Pass, Callable[[Tensor, Tensor], Tensor]] | None = None
        self._ruled_out: Callable[[Tensor], Tensor] | None = None

    def step(self, tokens: Tensor) -> None:
        """Run one decode step: append `tokens` (B,) to the cache; `logits` then predict the token after them."""
        new_key = torch.ones(len(self.layout), 1, dtype=torch.bool, device=self._visible.device)
        self._visible = torch.cat([self._visible, new_key], dim=1)
        self._position = self._position + 1
        hidden = self.layout.family.embed_text(tokens[:, None])
        with attend(self._decoder.model, *self._edits):
            masks = self._decoder.masks(1, self._visible, self.layout.padded)
            hidden = self._decoder.run(hidden, self._cache, self._position, masks)
        self._logits = self._decoder.logits(hidden)
        if self._contrast is not None:
            self._contrast[0].step(tokens)

    @property
    def logits(self) -> Tensor:
        """Next-token logits (B, vocabulary) after the prompt or the last `step`, contrasted if there is a contrast."""
        return self.logits_without(())

    def logits_without(self, tokens: Collection[int]) -> Tensor:
        """Return `logits` with `tokens` at -inf; a contrast takes its cut-off from the other tokens."""
        logits = self._logits
        if tokens:
            logits = logits.clone()
            logits[:, sorted(tokens)] = -torch.inf
        contrasted = self._contrasted(logits)
        return contrasted if self._ruled_out is None else contrasted.masked_fill(self._ruled_out(logits), -torch.inf)

    @property
    def uncut(self) -> Tensor:
        """`logits` with a contrast, if there is one, but without its cut-off."""
        return self._contrasted(self._logits)

    def _contrasted(self, logits: Tensor) -> Tensor:
        if self._contrast is None:
            return logits
        other, combine = self._contrast
        return combine(logits, other.logits)

    @property
    def finite(self) -> Tensor:
        """(B,) bool on the device: whether a row's logits are finite, and the logits they are contrasted with."""
        finite = self._logits.isfinite().all(-1)
        return finite if self._contrast is None else finite & self._contrast[0].finite

    def contrast(
        self,
        other: Pass,
        combine: Callable[[Tensor, Tensor], Tensor],
        ruled_out: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """From now on, choose tokens by `combine(logits, other.logits)`; `other` takes the same decode steps.

        Args:
            other: the pass to contrast with.
            combine: the logits of this and the other pass, (B, vocabulary) each -> those that tokens are chosen by.
            ruled_out: the logits of this pass -> the tokens that may not be chosen, (B, vocabulary) bool; None for no cut-off.
        """
        self._contrast, self._ruled_out = (other, combine), ruled_out
