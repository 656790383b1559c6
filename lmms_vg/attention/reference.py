"""Maps of the reference prompt ("Write a general description of the image."); a question's maps are divided by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lmms_vg.attention.session import ImageSession, Rows, Selections, prefilled
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.models.base import Prompt


class ReferenceMaps:
    """Maps of the reference prompts of B questions, computed once per image session and kept there.

    Args:
        sessions: image sessions of the questions.
        asked: prompts of the questions.
        prompts: the reference prompts, one per question.
        watched: selections of rows whose alignment is measured, which needs the maps of every layer.

    Attributes:
        prompts: the reference prompts, one per question.
    """

    def __init__(
        self,
        sessions: Sequence[ImageSession],
        asked: Sequence[Prompt],
        prompts: Sequence[Prompt],
        watched: Selections = (),
    ) -> None:
        self.prompts = prompts
        self._sessions, self._asked, self._watched = sessions, asked, watched

    def maps(self, rows: Rows = "last", layers: Iterable[int] | None = None) -> dict[int, Tensor]:
        """Return layer to (B, H, N), for all layers by default."""
        watched = self._watched if rows in self._watched else ()  # they need every layer, in one pass
        wanted = set(range(self._sessions[0].decoder.depth) if layers is None or watched else layers)
        kept = [self._kept(i, rows) for i in range(len(self.prompts))]
        missing: dict[object, int] = {}
        for i, known in enumerate(kept):
            if not wanted <= known.keys():
                missing.setdefault((self._sessions[i], self._asked_for(i)), i)
        if missing:
            self._compute([*missing.values()], watched or (rows,), wanted)
        return {layer: torch.stack([known[layer] for known in kept]) for layer in sorted(wanted)}

    def _compute(self, indices: Sequence[int], selections: Selections, layers: set[int]) -> None:
        """Run the reference prompts of these questions, and keep the maps that their sessions lack."""
        opened = self._opened(indices, sums="all" in selections)
        run = UneditedRun(opened, [self.prompts[i] for i in indices], selections[1:])  # the first at these layers alone
        for rows in selections:
            maps = run.maps(rows, layers)
            for row, i in enumerate(indices):
                known = self._kept(i, rows)
                known |= {layer: maps[layer][row] for layer in layers - known.keys()}

    def _kept(self, i: int, rows: Rows) -> dict[int, Tensor]:
        """Maps of a question's reference prompt, as its session keeps them for later questions."""
        return self._sessions[i].references.setdefault((rows, self._asked_for(i)), {})

    def _asked_for(self, i: int) -> tuple[int, ...]:
        return tuple(self.prompts[i].input_ids.tolist())

    def _opened(self, indices: Sequence[int], sums: bool) -> list[ImageSession]:
        """Return the questions' sessions; new ones where text before the image gives the reference another prefix."""
        sessions = {i: self._sessions[i] for i in indices}
        other = [i for i in indices if self.prompts[i].prefix_key != self._asked[i].prefix_key]
        new = prefilled(self._sessions[0].family, [self.prompts[i] for i in other], sums=sums)
        return [*(sessions | dict(zip(other, new, strict=True))).values()]
