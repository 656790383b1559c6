"""A family, a method and a journal: questions in, records out. Every way into lmms_vg answers through this module."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from loguru import logger
from PIL import Image

from lmms_vg.attention import install
from lmms_vg.attention.decoding import Decoding, decode
from lmms_vg.attention.session import Batch, ImageSession, Rows
from lmms_vg.grounding import measure, probed_maps, target_mask
from lmms_vg.images import Picture, open_picture
from lmms_vg.journal import Journal, Record, content_key
from lmms_vg.methods.base import Method
from lmms_vg.metrics import alignment
from lmms_vg.models.base import Family, Prompt

#: A user message: PIL images and texts, in order.
Message = Sequence[Image.Image | str]

#: What torch raises after a device-side fault (running out of memory is another error); none in older versions.
_DEVICE_IS_GONE: tuple[type[Exception], ...] = tuple(filter(None, [getattr(torch, "AcceleratorError", None)]))

#: So many failures are printed as they happen.
SHOWN_FAILURES = 10


@dataclass(frozen=True)
class Question:
    """One question to ask.

    Attributes:
        message: gives the user message; called late, so that images are opened one at a time and a broken one fails alone.
        reference: text of the reference prompt, asked about the same images.
        boxes: xyxy boxes in pixels of the first image; with `align`, attention is measured against them.
        repeat: counts repeated requests for the same document, which sampling answers differently.
    """

    task: str
    uid: str
    message: Callable[[], Message]
    reference: str
    decoding: Decoding
    boxes: Sequence[Sequence[float]] = ()
    align: bool = False
    repeat: int = 0


@dataclass(frozen=True)
class _Prepared:
    """A question that can be asked: rendered, laid on the patch grid, and with its content key."""

    question: Question
    prompt: Prompt
    reference: Prompt
    mask: np.ndarray | None
    key: str


@dataclass
class Tally:
    """What became of the questions of a run."""

    asked: int = 0
    from_journal: int = 0
    answered: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.asked} asked, {self.from_journal} from journal, {self.answered} answered now, {self.failed} failed"
        )


class Answerer:
    """Answers questions with one model and one method, journalling each.

    Args:
        batch_size: questions per pass; they may be about different images.
        rows: query rows of the alignment maps (paper: "last").
        per_head: also journal alignment values of every head.
    """

    def __init__(
        self,
        family: Family,
        method: Method,
        journal: Journal,
        batch_size: int = 1,
        rows: Rows = "last",
        per_head: bool = False,
    ) -> None:
        install(family.model)
        self.family, self.method, self.journal = family, method, journal
        self.batch_size, self.rows, self.per_head = batch_size, rows, per_head
        self.tally = Tally()
        self._sessions: OrderedDict[object, ImageSession] = OrderedDict()

    def answer(self, questions: Iterable[Question]) -> Iterator[tuple[Question, Record]]:
        """Yield every question with its record, in the order they are done; questions about one image should be adjacent.

        Nothing a single question does ends the run: what cannot be asked yields a record with `error`.
        """
        waiting: dict[object, list[_Prepared]] = defaultdict(list)
        for question in questions:
            self.tally.asked += 1
            try:
                prepared = self._prepare(question)
            except Exception as problem:  # noqa: BLE001 - whatever is wrong with one question is journalled as its failure
                yield question, self._fail(question, problem)
                continue
            found = self.journal.find(prepared.key, question.task, question.uid)
            if found is not None:
                self.tally.from_journal += 1
                yield question, found
                continue
            alike = (prepared.prompt.prefix, len(prepared.prompt.image_tokens), question.decoding, question.align)
            waiting[alike].append(prepared)
            if len(waiting[alike]) == self.batch_size:
                yield from self._ask(waiting.pop(alike))
        for batch in waiting.values():
            yield from self._ask(batch)

    def _prepare(self, question: Question) -> _Prepared:
        parts = [part if isinstance(part, str) else open_picture(part) for part in question.message()]
        prompt = self.family.prompt(parts)
        pictures = [part for part in parts if isinstance(part, Picture)]
        reference = self.family.prompt([*pictures, question.reference])
        mask = target_mask(question.uid, prompt, question.boxes, self.rows) if question.align else None
        key = content_key(
            {
                "prompt": prompt.text,
                "images": prompt.image_hashes,
                "reference": reference.text,
                "decoding": question.decoding.as_key(),
                "repeat": question.repeat if question.decoding.do_sample else 0,
                "mask": None if mask is None else mask.astype(int).tolist(),
            }
        )
        return _Prepared(question, prompt, reference, mask, key)

    def _ask(self, batch: list[_Prepared]) -> Iterator[tuple[Question, Record]]:
        """Ask a batch; where it fails as a whole, ask its questions one by one, so that only the broken ones fail."""
        records: list[Record] = []
        try:
            records = self._run(batch)
        except _DEVICE_IS_GONE:
            raise  # every later question would fail too; the journal has what was answered
        except Exception as problem:  # noqa: BLE001 - recorded here, or found out one by one
            if len(batch) == 1:
                yield batch[0].question, self._fail(batch[0].question, problem, batch[0])
                return
            logger.debug(f"a batch of {len(batch)} failed ({problem}); its questions are asked one by one")
        if not records:  # not inside the except: its traceback holds the failed batch's memory
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            for one in batch:
                yield from self._ask([one])
            return
        self.journal.write(records)
        self.tally.answered += len(records)
        yield from zip([prepared.question for prepared in batch], records, strict=True)

    @torch.inference_mode()
    def look(self, question: Question) -> tuple[Prompt, np.ndarray]:
        """The prompt of one question and where it looks: (layers, N) question over reference map, heads averaged."""
        prepared = self._prepare(question)
        batch, _ = self._prefill([prepared])
        maps, reference = probed_maps(batch, self.rows)
        return prepared.prompt, alignment.normalise(maps[0].mean(1), reference[0].mean(1))

    def _prefill(self, prepared: list[_Prepared]) -> tuple[Batch, list[dict[str, Any]]]:
        """The method's prefill of a batch, watched by a probe where alignment is to be measured."""
        sessions = [self._session(one.prompt) for one in prepared]
        batch = Batch(sessions, [one.prompt for one in prepared], [one.reference for one in prepared])
        if prepared[0].question.align:
            batch.probe = batch.capture(self.rows)
        extras = self.method.prefill(batch)
        if not batch.logits.isfinite().all():
            raise ValueError("the model's logits are not finite (NaN or infinite); are the weights sound?")
        return batch, extras

    @torch.inference_mode()
    def _run(self, prepared: list[_Prepared]) -> list[Record]:
        started = time.perf_counter()
        batch, extras = self._prefill(prepared)
        alignments: list[dict[str, Any] | None] = [None] * len(prepared)
        if batch.probe:
            targets = [(one.question.uid, one.mask) for one in prepared if one.mask is not None]
            alignments = [*measure(batch, targets, self.rows, self.per_head)]
        answers = decode(
            batch, prepared[0].question.decoding, [one.key for one in prepared], self.family.stop_ids, self._text
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
                extras=extra,
                alignment=values,
            )
            for one, tokens, extra, values in zip(prepared, answers, extras, alignments, strict=True)
        ]

    def _text(self, tokens: list[int]) -> str:
        return self.family.tokenizer.decode(tokens, skip_special_tokens=True)

    def _session(self, prompt: Prompt) -> ImageSession:
        """The image's session; as many are kept as a batch can need."""
        key = prompt.prefix_key
        session = self._sessions.pop(key, None) or ImageSession(self.family, prompt, sums=self.rows == "all")
        self._sessions[key] = session
        while len(self._sessions) > self.batch_size:
            self._sessions.popitem(last=False)
        return session

    def _fail(self, question: Question, problem: Exception, prepared: _Prepared | None = None) -> Record:
        error = f"{type(problem).__name__}: {problem}"
        key = prepared.key if prepared else content_key({"task": question.task, "uid": question.uid, "error": error})
        prompt = prepared.prompt.text if prepared else ""
        record = Record(key=key, task=question.task, uid=question.uid, error=error, prompt=prompt)
        self.journal.write([record])
        self.tally.failed += 1
        if self.tally.failed <= SHOWN_FAILURES:
            more = "; further ones are in the journal only" if self.tally.failed == SHOWN_FAILURES else ""
            logger.warning(f"{question.task} {question.uid} failed: {error}{more}")
        return record


def _cut(text: str, until: Sequence[str]) -> str:
    """The answer up to the first of the `until` strings."""
    ends = [text.find(mark) for mark in until if mark and mark in text]
    return text[: min(ends)] if ends else text
