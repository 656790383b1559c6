"""A family, a method and a journal: questions in, records out. Every entry point of lmms_vg answers through this module."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial

from lmms_vg._util.error_codes import Failure
from lmms_vg.attention import install
from lmms_vg.attention.session import Selections, Sessions
from lmms_vg.host.stopping import finishing_batches
from lmms_vg.inference.ahead import prepared_ahead
from lmms_vg.inference.asking import Asking
from lmms_vg.inference.batch_limit import BatchLimit, BatchSize
from lmms_vg.inference.batch_run import BatchRun
from lmms_vg.inference.image_controls import ImageControl
from lmms_vg.inference.job import locked
from lmms_vg.inference.memory import kept_bytes
from lmms_vg.inference.method_run import MethodRun, RunCounts
from lmms_vg.inference.pending import BatchQueue, Forms, Pending
from lmms_vg.inference.question import Prepared, Question, prepare
from lmms_vg.inference.shared_answers import share_answers
from lmms_vg.journal import Journal, Record
from lmms_vg.models.base import Family, Prompt
from lmms_vg.vision.kept import KeptPictures

#: Questions that are prepared beyond the next batch.
AHEAD = 8


class Answerer:
    """Answers questions with one model and one method and journals every answer; further methods may answer them too.

    Args:
        family: the model.
        method_runs: first the method whose records are returned. The others answer the same questions on the same image
            prefixes, batch by batch, and only journal their answers, which equal those of separate runs.
        batch_size: questions per pass, which may be about different images; "auto" for as many as memory holds.
        rows: selections of query rows whose maps are kept (paper: "last"); the first is the one that records state.
        per_head: whether to journal alignment values of every head too.
        diagnose: whether to journal the effect of the edits on attention, per layer.
        control: what every question is changed by before it is asked; None for nothing.
    """

    def __init__(
        self,
        family: Family,
        method_runs: Sequence[MethodRun],
        batch_size: BatchSize = 1,
        rows: Selections = ("last",),
        per_head: bool = False,
        diagnose: bool = False,
        control: ImageControl | None = None,
    ) -> None:
        install(family.model)
        self.family, self.method_runs, self.batch_size = family, list(method_runs), batch_size
        forms = max(run.method.prefixes for run in method_runs)
        sessions = Sessions(family, kept_bytes(family.model), "all" in rows, forms)
        self._limit = BatchLimit(family, batch_size, forms, len(rows))
        self._asking = Asking(family, sessions, rows, per_head, diagnose)
        self.control = control
        self._folders = [run.journal.folder for run in method_runs]
        self._opened: ExitStack | None = None

    @property
    def main(self) -> MethodRun:
        """The method run whose records are returned."""
        return self.method_runs[0]

    @property
    def journal(self) -> Journal:
        """Journal of the main method."""
        return self.main.journal

    @property
    def counts(self) -> RunCounts:
        """Counts of the main method."""
        return self.main.counts

    def close(self) -> None:
        """Close all journals and release their locks; a later question opens them again."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _open_journals(self, check: Callable[[], None]) -> None:
        """Open all journals once this job holds the locks of their folders; all ranks must call this together."""
        with ExitStack() as opening:
            opening.enter_context(locked(self._folders, check))
            share_answers(run.journal for run in self.method_runs)
            for method_run in self.method_runs:
                opening.enter_context(method_run.journal)
            self._opened = opening.pop_all()

    def answer(self, questions: Iterable[Question]) -> Iterator[tuple[Question, Record]]:
        """Yield every question with its record, in order of completion; questions about one image should be adjacent.

        A single question never ends the run: one that cannot be asked yields a record with `error`.

        Raises:
            JournalError: an answer cannot be written.
            Stopped: SIGTERM arrived; the current batch is journalled first.
        """
        with closing(self.answer_all(questions)) as answered:
            for method_run, question, record in answered:
                if method_run is self.main:
                    yield question, record

    def answer_all(self, questions: Iterable[Question]) -> Generator[tuple[MethodRun, Question, Record], None, None]:
        """Yield every question with the record of each method; otherwise as `answer`."""
        with finishing_batches() as check:
            if self._opened is None:
                self._open_journals(check)
            queue = BatchQueue(self._limit.fits)
            prepare = partial(self._prepare, KeptPictures())
            with closing(prepared_ahead(questions, prepare, self._limit.most + AHEAD)) as coming:
                for forms in coming:
                    check()
                    known, pending = self._look_up(forms)
                    for method_run, record in known.items():
                        yield method_run, forms.question, record
                    for batch in queue.add(pending):
                        yield from self._ask(batch, check)
            for batch in queue.rest():
                yield from self._ask(batch, check)

    def _prepare(self, kept: KeptPictures, question: Question) -> Forms:
        """Prepare a question for all methods; called in another thread."""
        forms = Forms(self.family, question, self._asking.rows, self.control)
        with kept.question():
            for method_run in self.method_runs:
                forms.of(method_run.method)
        return forms

    def _look_up(self, forms: Forms) -> tuple[dict[MethodRun, Record], Pending]:
        """Return the records of the methods that have one, and the question prepared for the others."""
        records: dict[MethodRun, Record] = {}
        missing: dict[MethodRun, Prepared] = {}
        for method_run in self.method_runs:
            method_run.counts.asked += 1
            form = forms.of(method_run.method)
            if isinstance(form, Failure):
                records[method_run] = method_run.fail(forms.question, form)
            elif record := method_run.find(form):
                records[method_run] = record
            else:
                missing[method_run] = form
        return records, Pending(forms.question, missing)

    def _ask(self, batch: Sequence[Pending], check: Callable[[], None]) -> Iterator[tuple[MethodRun, Question, Record]]:
        """Ask a batch with every method that has not answered it yet."""
        run = BatchRun(self._asking, self._limit, check)
        for method_run, pending, record in run.ask(batch, list(batch[0].prepared)):
            yield method_run, pending.question, record

    def prompt(self, question: Question) -> Prompt:
        """Return the prompt that a question is asked with, under the control if there is one.

        Raises:
            ValueError: the question cannot be asked.
        """
        asked = question if self.control is None else self.control.of(question)
        return prepare(self.family, asked, self._asking.rows, boxes=False).prompt
