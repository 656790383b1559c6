"""The input of a method: B questions on their image prefixes, ready to be prefilled under edits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmms_vg.attention.diagnosis import Diagnose
from lmms_vg.attention.edits import Edit
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.layout import Layout
from lmms_vg.attention.reference import ReferenceMaps
from lmms_vg.attention.session import Selections, Sessions
from lmms_vg.attention.unedited import UneditedRun
from lmms_vg.models.base import Prompt


class Batch:
    """B questions, each on its image session. All prefixes are equally long and hold equally many image tokens.

    Methods that answer the same questions have one batch each; these share the unedited run and the reference maps.

    Attributes:
        layout: the prompts and the positions of their rows and keys.
        unedited: the unedited model's run of the questions, computed as far as needed: `unedited.maps(rows, layers)`.
        reference: the same model's maps of their reference prompts: `reference.maps(rows, layers)`.
        targets: (rows, cols) bool masks of the annotated boxes, one for each view of the first image; None for a question
            without boxes.
    """

    def __init__(
        self,
        unedited: UneditedRun,
        reference: ReferenceMaps,
        sessions: Sessions,
        targets: Sequence[Any] | None = None,
        diagnose: Diagnose = "none",
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
        watched: Selections = (),
        targets: Sequence[Any] | None = None,
        diagnose: Diagnose = "none",
        keep: bool = True,
    ) -> Batch:
        """Open a batch that shares nothing with other batches but the sessions.

        Args:
            sessions: where the image prefixes are opened.
            prompts: prompts of the B questions.
            references: their reference prompts.
            watched: selections of rows whose maps every pass keeps in `Pass.seen`.
            targets: masks of the annotated boxes, as in the attribute.
            diagnose: which passes have a `Pass.diagnosis`.
            keep: whether `sessions` keeps the prefixes for later questions.
        """
        opened = sessions.open(prompts, keep)
        unedited = UneditedRun(opened, prompts, watched)
        return cls(unedited, ReferenceMaps(opened, prompts, references, watched), sessions, targets, diagnose)

    def prefill(self, *edits: Edit) -> Pass:
        """Run the questions through all layers under `edits`, so that decoding can start.

        Layers below the first edited one are taken from the unedited run. The edits stay in force during decoding, where
        edits of prompt rows find no row to act on.

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
        """Open a batch of the same questions in another form: without the image, with a noised one, with a second one.

        Args:
            prompts: the new form of each question.
            references: their reference prompts; needed only if the reference maps are used.
            answers: whether the answer comes from the new batch, which is then watched and diagnosed like this one.
            keep: whether to keep the sessions for later questions with the same prefix (`Method.prefixes` counts them).
        """
        return Batch.open(
            self._sessions,
            prompts,
            references or prompts,
            watched=self.unedited.watched if answers else (),
            targets=self.targets,
            diagnose=self._diagnose if answers else "none",
            keep=keep,
        )
