"""Maps of the reference prompt ("Write a general description of the image."); a question's maps are divided by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lmms_vg.attention.session import ImageSession, Rows, prefilled
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.models.base import Prompt


class ReferenceMaps:
    """Maps of the reference prompts of B questions, computed once per image session and kept there.

    Args:
        sessions: image sessions of the questions.
        asked: prompts of the questions.
        prompts: the reference prompts, one per question.
        watched: rows whose alignment is measured, which needs the maps of every layer.

    Attributes:
        prompts: the reference prompts, one per question.
    """

    def __init__(
        self,
        sessions: Sequence[ImageSession],
        asked: Sequence[Prompt],
        prompts: Sequence[Prompt],
        watched: Rows | None = None,
    ) -> None:
        self.prompts = prompts
        self._sessions, self._asked, self._watched = sessions, asked, watched

    def maps(self, rows: Rows = "last", layers: Iterable[int] | None = None) -> dict[int, Tensor]:
        """Return layer to (B, H, N), for all layers by default."""
        wanted = set(range(self._sessions[0].decoder.depth))
        if layers is not None and rows != self._watched:  # watched rows need every layer, in one pass
            wanted = set(layers)
        keys = [(rows, tuple(prompt.input_ids.tolist())) for prompt in self.prompts]
        kept = [session.references.setdefault(key, {}) for session, key in zip(self._sessions, keys, strict=True)]
        missing: dict[object, int] = {}
        for i, (session, key, known) in enumerate(zip(self._sessions, keys, kept, strict=True)):
            if not wanted <= known.keys():
                missing.setdefault((session, key), i)
        if missing:
            indices = list(missing.values())
            run = UneditedRun(self._opened(indices, rows), [self.prompts[i] for i in indices])
            maps = run.maps(rows, wanted)
            for row, i in enumerate(indices):
                kept[i] |= {layer: maps[layer][row] for layer in wanted}
        return {layer: torch.stack([known[layer] for known in kept]) for layer in sorted(wanted)}

    def _opened(self, indices: Sequence[int], rows: Rows) -> list[ImageSession]:
        """Return the questions' sessions; new ones where text before the image gives the reference another prefix."""
        sessions = {i: self._sessions[i] for i in indices}
        other = [i for i in indices if self.prompts[i].prefix_key != self._asked[i].prefix_key]
        new = prefilled(self._sessions[0].family, [self.prompts[i] for i in other], sums=rows == "all")
        return [*(sessions | dict(zip(other, new, strict=True))).values()]
