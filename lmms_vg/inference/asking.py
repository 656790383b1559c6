"""Asking one method a batch of questions: prefill, measure, decode, and a record of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from loguru import logger

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoding import decode
from lmms_vg.attention.diagnosis import saturated_layers
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Rows, Sessions
from lmms_vg.inference.alignment_probe import measure
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Prepared
from lmms_vg.journal import Record
from lmms_vg.methods.base import Method
from lmms_vg.models.base import Family


@dataclass(frozen=True)
class Asking:
    """How questions are asked, and what is journalled of them besides the answer.

    Attributes:
        sessions: image prefixes that questions find again.
        rows: query rows of the alignment maps.
        per_head: also alignment values of every head.
        diagnose: also what the edits did to the attention, per layer.
    """

    family: Family
    sessions: Sessions
    rows: Rows = "last"
    per_head: bool = False
    diagnose: bool = False

    @torch.no_grad()
    def open(self, prepared: Sequence[Prepared]) -> Batch:
        """A batch of these questions for all methods, watched where alignment is to be measured."""
        prompts, references = [one.prompt for one in prepared], [one.reference for one in prepared]
        watched = self.rows if prepared[0].question.align else None
        return Batch.open(self.sessions, prompts, references, watched=watched)

    @torch.no_grad()
    def prefill(self, method: Method, shared: Batch, prepared: Sequence[Prepared], diagnose: bool = False) -> Pass:
        """One method's pass of a batch that others share; it is told the boxes only if they are in its journal key."""
        targets = [one.mask for one in prepared]
        return method.prefill(Batch(shared.unedited, shared.reference, self.sessions, targets, diagnose))

    @torch.no_grad()
    def records(
        self, method_run: MethodRun, shared: Batch, prepared: Sequence[Prepared], started: float
    ) -> list[Record]:
        """A method's answers to the questions of a batch, and what was measured.

        Args:
            started: `time.perf_counter()` when the batch was begun for this method.
        """
        # A method's first batch is diagnosed in any case, to warn.
        answering = self.prefill(method_run.method, shared, prepared, self.diagnose or not method_run.counts.answered)
        reports = self._diagnosed(method_run, answering)
        decoding = prepared[0].question.decoding  # that of the whole batch
        alignments: list[dict[str, Any] | None] = [None] * len(prepared)
        if prepared[0].question.align:
            targets = [(one.question.uid, one.mask) for one in prepared if one.mask is not None]
            alignments = [*measure(answering, targets, self.rows, self.per_head)]
        draws = [one.draw for one in prepared]
        answers = decode(answering, decoding, draws, self.family.stop_ids, self._text)
        seconds = (time.perf_counter() - started) / len(prepared)
        return [
            Record(
                key=one.key,
                task=one.question.task,
                uid=one.question.uid,
                text=_cut(self._text(tokens), decoding.until),
                prompt=one.prompt.text,
                image="+".join(one.prompt.image_hashes),
                seconds=round(seconds, 4),
                decoding=decoding.as_key(),
                extras=extra | report,
                alignment=values,
            )
            for one, tokens, extra, report, values in zip(
                prepared, answers, answering.extras, reports, alignments, strict=True
            )
        ]

    def _diagnosed(self, method_run: MethodRun, answering: Pass) -> list[dict[str, Any]]:
        """What goes to the journal of the edits' effect on every question."""
        if answering.diagnosis is None:
            return [{} for _ in answering.extras]
        reports = answering.diagnosis.report()
        layers = sorted({layer for report in reports for layer in saturated_layers(report)})
        if layers and not method_run.counts.answered:
            logger.warning(
                f"{method_run.method!r} drives the attention on the image of most rows to 0 or 1 in layers {layers}: what it "
                "measures may be a broken model, not its idea; diagnose=true journals every question's figures"
            )
        return [{"diagnosis": report} if self.diagnose else {} for report in reports]

    def _text(self, tokens: list[int]) -> str:
        text: str = self.family.tokenizer.decode(tokens, skip_special_tokens=True)
        return text


def _cut(text: str, until: Sequence[str]) -> str:
    """The answer up to the first of the `until` strings."""
    ends = [text.find(mark) for mark in until if mark in text]
    return text[: min(ends)] if ends else text
