"""Ask a batch of questions with one method: prefill, measure, decode, and create the records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from loguru import logger

from lmms_vg.attention.batch import Batch
from lmms_vg.attention.decoding import decode
from lmms_vg.attention.diagnosis import Diagnose, saturated_layers
from lmms_vg.attention.forward_pass import Pass
from lmms_vg.attention.session import Rows, Selections, Sessions
from lmms_vg.attention.stages import stage
from lmms_vg.inference.alignment_probe import Measured, alignment_of, measure_all
from lmms_vg.inference.first_token import ChoiceTokens, first_tokens, unless_thinking
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Prepared
from lmms_vg.inference.question_maps import question_heads, question_maps
from lmms_vg.journal import QuestionHeads, QuestionMap, Record
from lmms_vg.methods.base import Method
from lmms_vg.models.base import Family


class Answered(NamedTuple):
    """The records of a batch, and the maps and values of heads of its questions; empty where none are kept."""

    records: list[Record]
    maps: list[QuestionMap]
    heads: list[QuestionHeads]


@dataclass(frozen=True)
class Asking:
    """Settings for asking questions, and for the values that are journalled besides the answers.

    Attributes:
        family: the model.
        sessions: image prefixes that later questions reuse.
        rows: selections of query rows whose maps are kept; records state the values of the first, heads only those.
        per_head: whether to journal alignment values of every head.
        diagnose: whether to journal the effect of the edits on attention, per layer.
    """

    family: Family
    sessions: Sessions
    rows: Selections = ("last",)
    per_head: bool = False
    diagnose: bool = False

    @torch.no_grad()
    def open(self, prepared: Sequence[Prepared]) -> Batch:
        """Open a batch of these questions for all methods; it is watched if their maps are kept."""
        prompts, references = [form.prompt for form in prepared], [form.reference for form in prepared]
        watched = self.rows if prepared[0].question.watched else ()
        return Batch.open(self.sessions, prompts, references, watched=watched)

    @torch.no_grad()
    def prefill(self, method: Method, shared: Batch, prepared: Sequence[Prepared], diagnose: Diagnose = "none") -> Pass:
        """Prefill a shared batch with one method, which gets the boxes only if they are in its journal key."""
        targets = [form.masks for form in prepared]
        return method.prefill(Batch(shared.unedited, shared.reference, self.sessions, targets, diagnose))

    @torch.no_grad()
    def records(self, method_run: MethodRun, shared: Batch, prepared: Sequence[Prepared], started: float) -> Answered:
        """Answer a batch with one method and return the records, with all measurements, and the maps.

        Args:
            method_run: the method.
            shared: the batch, which other methods may share.
            prepared: its questions.
            started: `time.perf_counter()` at the start of the batch for this method.
        """
        # The edits of a method's first batch are always diagnosed, so that a warning is possible.
        first: Diagnose = "none" if method_run.counts.answered else "edits"
        answering = self.prefill(method_run.method, shared, prepared, "all" if self.diagnose else first)
        reports = self._diagnosed(method_run, answering)
        decoding = prepared[0].question.decoding  # the same for the whole batch
        looks: list[dict[Rows, Measured]] = []
        if prepared[0].question.watched:
            targets = [form.target for form in prepared]
            looks = measure_all(answering, targets, self.rows, self.per_head)
        firsts = first_tokens(answering, [form.question.choices for form in prepared], self._choice_tokens)
        draws = [form.draw for form in prepared]
        with stage("decode"):
            answers = decode(answering, decoding, draws, self.family.stop_ids, self._text)
        seconds = (time.perf_counter() - started) / len(prepared)
        values = [*map(alignment_of, looks)] or [None] * len(prepared)
        maps = [kept for form, looked in zip(prepared, looks, strict=False) for kept in question_maps(form, looked)]
        heads = question_heads(prepared, [looked[self.rows[0]] for looked in looks])
        records = [
            Record(
                key=form.key,
                task=form.question.task,
                uid=form.question.uid,
                text=_cut(self._text(tokens), decoding.until),
                prompt=form.prompt.text,
                image="+".join(form.prompt.image_hashes),
                seconds=round(seconds, 4),
                decoding=decoding.as_key(),
                extras=extra | report,
                alignment=layers,
                batch=len(prepared),
                patient=form.question.patient,
                first_token=unless_thinking(first, form.prompt.text, self._text(tokens, marks=True)),
            )
            for form, tokens, extra, report, layers, first in zip(
                prepared, answers, answering.extras, reports, values, firsts, strict=True
            )
        ]
        return Answered(records, maps, heads)

    def _diagnosed(self, method_run: MethodRun, answering: Pass) -> list[dict[str, Any]]:
        """Return the journal's entry on the edits' effect, per question; warn if they saturate the attention."""
        if answering.diagnosis is None:
            return [{} for _ in answering.extras]
        reports = answering.diagnosis.report()
        layers = sorted({layer for report in reports for layer in saturated_layers(report)})
        if layers and not method_run.counts.answered:
            logger.warning(
                f"{method_run.method!r} drives the image attention of most rows to 0 or 1 in layers {layers}: results may show "
                "a broken model, not the method's idea; diagnose=true journals the figures of every question"
            )
        return [{"diagnosis": report} if self.diagnose else {} for report in reports]

    @cached_property
    def _choice_tokens(self) -> ChoiceTokens:
        return ChoiceTokens(self.family.tokenizer)

    def _text(self, tokens: list[int], marks: bool = False) -> str:
        """Return the text of answer tokens; with `marks`, special tokens are part of it."""
        text: str = self.family.tokenizer.decode(tokens, skip_special_tokens=not marks)
        return text


def _cut(text: str, until: Sequence[str]) -> str:
    """Return the answer up to the first of the `until` strings."""
    ends = [text.find(mark) for mark in until if mark in text]
    return text[: min(ends)] if ends else text
