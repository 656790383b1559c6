"""A family, a method and a journal: questions in, records out. Every way into lmms_vg answers through this module."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from loguru import logger

from lmms_vg.attention import install
from lmms_vg.attention.batch import DEVICE_IS_GONE, Batch
from lmms_vg.attention.decoding import decode
from lmms_vg.attention.diagnosis import saturated_layers
from lmms_vg.attention.session import ImageSession, Rows
from lmms_vg.host.stopping import finishing_batches
from lmms_vg.inference.alignment_probe import measure, probed_maps
from lmms_vg.inference.job import locked
from lmms_vg.inference.method_run import Contender, Tally
from lmms_vg.inference.question import Prepared, Question, prepare
from lmms_vg.journal import Journal, Record, content_key
from lmms_vg.metrics import alignment
from lmms_vg.models.base import Family, Prompt


class Answerer:
    """Answers questions with one model and one method, journalling each; further methods may answer them along the way.

    Args:
        contenders: the method whose records are handed out, and others that are asked the same questions on the same image
            prefixes, batch by batch, and journal their answers only. Every one's answers are those of a run of its own.
        batch_size: questions per pass; they may be about different images.
        rows: query rows of the alignment maps (paper: "last").
        per_head: also journal alignment values of every head.
        diagnose: also journal what the edits did to the attention, per layer.
    """

    def __init__(
        self,
        family: Family,
        contenders: Sequence[Contender],
        batch_size: int = 1,
        rows: Rows = "last",
        per_head: bool = False,
        diagnose: bool = False,
    ) -> None:
        install(family.model)
        self.family, self.contenders = family, list(contenders)
        self.batch_size, self.rows, self.per_head, self.diagnose = batch_size, rows, per_head, diagnose
        self._sessions: OrderedDict[object, ImageSession] = OrderedDict()
        self._capacity = batch_size * max(one.method.prefixes for one in contenders)
        self._folders = [one.journal.folder for one in contenders]
        self._opened: ExitStack | None = None

    @property
    def main(self) -> Contender:
        """The one whose records are handed out."""
        return self.contenders[0]

    @property
    def journal(self) -> Journal:
        """The main method's."""
        return self.main.journal

    @property
    def tally(self) -> Tally:
        """The main method's."""
        return self.main.tally

    def close(self) -> None:
        """Close all journals and give back their locks; asked again, the answerer opens them again."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _open_journals(self, check: Callable[[], None]) -> None:
        """Open all journals once this job has the locks of their folders; all ranks come here together."""
        with ExitStack() as opening:
            opening.enter_context(locked(self._folders, check))
            for contender in self.contenders:
                opening.enter_context(contender.journal)
            self._opened = opening.pop_all()

    def answer(self, questions: Iterable[Question]) -> Iterator[tuple[Question, Record]]:
        """Yield every question with its record, in the order they are done; questions about one image should be adjacent.

        Nothing a single question does ends the run: what cannot be asked yields a record with `error`.

        Raises:
            JournalError: an answer cannot be kept.
            Stopped: by SIGTERM, once the batch in hand is journalled.
        """
        with finishing_batches() as check:
            if self._opened is None:
                self._open_journals(check)
            yield from self._answer(questions, check)

    def _answer(self, questions: Iterable[Question], check: Callable[[], None]) -> Iterator[tuple[Question, Record]]:
        waiting: dict[object, list[dict[int, Prepared]]] = defaultdict(list)
        for question in questions:
            check()
            missing: dict[int, Prepared] = {}
            ways: dict[bool, Prepared | Exception] = {}
            for number, contender in enumerate(self.contenders):
                contender.tally.asked += 1
                boxes = question.align or contender.method.needs_boxes
                if boxes not in ways:
                    ways[boxes] = self._attempt(question, boxes, ways.get(not boxes))
                prepared = ways[boxes]
                if contender.method.needs_boxes and not question.boxes:
                    prepared = ValueError(f"{contender.method.name} needs annotated boxes; this question has none")
                if isinstance(prepared, Exception):
                    record: Record | None = self._fail(contender, question, prepared)
                else:
                    record = contender.journal.find(prepared.key, question.task, question.uid)
                    contender.tally.from_journal += record is not None
                if record is not None:
                    if contender is self.main:
                        yield question, record
                elif isinstance(prepared, Prepared):
                    missing[number] = prepared
            if missing:
                prompt = next(iter(missing.values())).prompt
                alike = (prompt.prefix, len(prompt.image_tokens), question.decoding, question.align, tuple(missing))
                waiting[alike].append(missing)
                if len(waiting[alike]) == self.batch_size:
                    yield from self._ask(waiting.pop(alike), check)
        for batch in waiting.values():
            yield from self._ask(batch, check)

    def _attempt(self, question: Question, boxes: bool, other: Prepared | Exception | None) -> Prepared | Exception:
        """The question prepared, from its other form where there is one, or what is wrong with it."""
        try:
            return prepare(self.family, question, self.rows, boxes, other if isinstance(other, Prepared) else None)
        except Exception as problem:  # noqa: BLE001 - whatever is wrong with one question is journalled as its failure
            return problem

    def _ask(self, batch: list[dict[int, Prepared]], check: Callable[[], None]) -> Iterator[tuple[Question, Record]]:
        """Ask a batch of every contender that has not answered it; they share the prefixes and the unedited model's run."""
        shared: list[Batch] = []
        for number in batch[0]:
            check()
            contender, prepared = self.contenders[number], [one[number] for one in batch]
            records = self._try(contender, prepared, shared)
            if contender is self.main:
                yield from zip([one.question for one in prepared], records, strict=True)

    def _try(self, contender: Contender, prepared: list[Prepared], shared: list[Batch]) -> list[Record]:
        """Records of a batch; where it fails as a whole its questions are asked one by one, so that only broken ones fail.

        Args:
            shared: the batch where it was opened already, and where it is left for the next contender unless it failed.
        """
        started = time.perf_counter()
        try:
            if not shared:
                shared.append(self._open(prepared))
            records = self._run(contender, prepared, shared[0], started)
        except DEVICE_IS_GONE:
            raise  # every later question would fail too; the journal has what was answered
        except Exception as problem:  # noqa: BLE001 - recorded here, or found out one by one
            shared.clear()
            if len(prepared) == 1:
                return [self._fail(contender, prepared[0].question, problem, prepared[0])]
            logger.debug(f"a batch of {len(prepared)} failed ({problem}); its questions are asked one by one")
        else:
            contender.keep(records)
            return records
        if torch.cuda.is_available():  # not inside the except: its traceback holds the failed batch's memory
            torch.cuda.empty_cache()
        return [record for one in prepared for record in self._try(contender, [one], [])]

    @torch.no_grad()
    def look(self, question: Question) -> tuple[Prompt, np.ndarray]:
        """The prompt of one question and where it looks: (layers, N) question over reference map, heads averaged."""
        prepared = prepare(self.family, question, self.rows, question.align or self.main.method.needs_boxes)
        batch = self._open([prepared])
        batch.targets = [prepared.mask]
        batch = self.main.method.prefill(batch)
        maps, reference = probed_maps(batch, self.rows)
        grid = prepared.prompt.geometries[0]
        cells = slice(grid.rows * grid.cols)  # of the first image; what lies behind has no boxes
        return prepared.prompt, alignment.normalise(maps[0].mean(1)[:, cells], reference[0].mean(1)[:, cells])

    @torch.no_grad()
    def _open(self, prepared: list[Prepared]) -> Batch:
        """A batch of these questions, watched where alignment is to be measured."""
        sessions = [self._session(one.prompt) for one in prepared]
        batch = Batch(sessions, [one.prompt for one in prepared], [one.reference for one in prepared], self._session)
        batch.watched = self.rows if prepared[0].question.align else None
        return batch

    @torch.no_grad()
    def _run(self, contender: Contender, prepared: list[Prepared], batch: Batch, started: float) -> list[Record]:
        batch.targets = [one.mask for one in prepared]
        batch.diagnose = self.diagnose or not contender.tally.answered
        batch = contender.method.prefill(batch)
        reports = self._diagnosed(contender, batch)
        decoding = prepared[0].question.decoding.as_key()  # that of the whole batch
        alignments: list[dict[str, Any] | None] = [None] * len(prepared)
        if prepared[0].question.align:
            targets = [(one.question.uid, one.mask) for one in prepared if one.mask is not None]
            alignments = [*measure(batch, targets, self.rows, self.per_head)]
        answers = decode(
            batch, prepared[0].question.decoding, [one.draw for one in prepared], self.family.stop_ids, self._text
        )
        seconds = (time.perf_counter() - started) / len(prepared)
        return [
            Record(
                key=one.key,
                task=one.question.task,
                uid=one.question.uid,
                text=_cut(self._text(tokens), one.question.decoding.until),
                prompt=one.prompt.text,
                image="+".join(one.prompt.image_hashes),
                seconds=round(seconds, 4),
                decoding=decoding,
                extras=extra | report,
                alignment=values,
            )
            for one, tokens, extra, report, values in zip(
                prepared, answers, batch.extras, reports, alignments, strict=True
            )
        ]

    def _diagnosed(self, contender: Contender, batch: Batch) -> list[dict[str, Any]]:
        """What goes to the journal of the edits' effect; a method's first batch is looked at in any case, to warn."""
        if batch.diagnosis is None:
            return [{} for _ in range(len(batch))]
        reports = batch.diagnosis.report()
        layers = sorted({layer for report in reports for layer in saturated_layers(report)})
        if layers and not contender.tally.answered:
            logger.warning(
                f"{contender.method!r} drives the attention on the image of most rows to 0 or 1 in layers {layers}: what it "
                "measures may be a broken model, not its idea; diagnose=true journals every question's figures"
            )
        return [{"diagnosis": report} if self.diagnose else {} for report in reports]

    def _text(self, tokens: list[int]) -> str:
        text: str = self.family.tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def _session(self, prompt: Prompt) -> ImageSession:
        """The session of a prefix; as many are kept as a batch can need."""
        key = prompt.prefix_key
        session = self._sessions.pop(key, None) or ImageSession(self.family, prompt, sums=self.rows == "all")
        self._sessions[key] = session
        while len(self._sessions) > self._capacity:
            self._sessions.popitem(last=False)
        return session

    def _fail(
        self, contender: Contender, question: Question, problem: Exception, prepared: Prepared | None = None
    ) -> Record:
        error = f"{type(problem).__name__}: {problem}"
        key = prepared.key if prepared else content_key({"task": question.task, "uid": question.uid, "error": error})
        prompt = prepared.prompt.text if prepared else ""
        record = Record(key=key, task=question.task, uid=question.uid, error=error, prompt=prompt)
        contender.keep_failure(record)
        return record


def _cut(text: str, until: Sequence[str]) -> str:
    """The answer up to the first of the `until` strings."""
    ends = [text.find(mark) for mark in until if mark in text]
    return text[: min(ends)] if ends else text
