"""What a method meets: B questions on their images' prefixes, to be prefilled under edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmms_vg.attention.edits import Edit
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.layout import Layout
from lmms_vg.attention.reference import ReferenceMaps
from lmms_vg.attention.session import Rows, Sessions
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.models.base import Prompt


class Batch:
    """B questions, each on its image session; all sessions have equally long prefixes and equally many image tokens.

    Several batches may share the unedited run and the reference maps: one per method that is asked the same questions.

    Attributes:
        layout: the prompts, which rows and keys are which.
        unedited: what the unedited model makes of the questions, computed as far as needed: `unedited.maps(rows, layers)`.
        reference: what it makes of their reference prompts: `reference.maps(rows, layers)`.
        targets: (rows, cols) bool masks of the annotated boxes on the first image's grid, None where there are none.
    """

    def __init__(
        self,
        unedited: UneditedRun,
        reference: ReferenceMaps,
        sessions: Sessions,
        targets: Sequence[Any] | None = None,
        diagnose: bool = False,
    ) -> None:
        self.layout: Layout = unedited.layout
        self.unedited, self.reference = unedited, reference
        self.targets = [None] * len(self.layout) if targets is None else targets
        self._sessions, self._diagnose = sessions, diagnose

    @classmethod
    def open(
        cls,
        sessions: Sessions,
        prompts: Sequence[Prompt],
        references: Sequence[Prompt],
        *,
        watched: Rows | None = None,
        targets: Sequence[Any] | None = None,
        diagnose: bool = False,
        keep: bool = True,
    ) -> Batch:
        """A batch of its own.

        Args:
            watched: rows whose maps every pass keeps in `Pass.seen`; None for no watching.
            diagnose: whether every pass has a `Pass.diagnosis`.
            keep: whether `sessions` keeps the prefixes for later questions.
        """
        opened = [sessions.open(prompt, keep) for prompt in prompts]
        unedited = UneditedRun(opened, prompts, watched)
        return cls(unedited, ReferenceMaps(opened, prompts, references, watched), sessions, targets, diagnose)

    def prefill(self, *edits: Edit) -> Pass:
        """Run the questions through all layers under `edits`, so that decoding may start.

        Layers below the first edited one are the unedited model's. The edits stay in force while decoding; those on prompt
        rows have no row left to act on.

        Raises:
            ValueError: the logits are not finite.
        """
        return Pass(self.unedited, self.reference, edits, self._diagnose)

    def beside(
        self,
        prompts: Sequence[Prompt],
        references: Sequence[Prompt] | None = None,
        *,
        answers: bool = False,
        keep: bool = False,
    ) -> Batch:
        """The same questions in another form: without the image, with a noised one, with a second one.

        Args:
            references: reference prompts to go with them, where their maps are asked for.
            answers: the answer is given from this batch, so it is watched and diagnosed like this one.
            keep: keep the sessions for later questions with the same prefix (`Method.prefixes` says how many a question
                needs).
        """
        return Batch.open(
            self._sessions,
            prompts,
            references or prompts,
            watched=self.unedited.watched if answers else None,
            targets=self.targets,
            diagnose=self._diagnose and answers,
            keep=keep,
        )
