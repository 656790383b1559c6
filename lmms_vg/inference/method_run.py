"""A method, its journal and its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loguru import logger

from lmms_vg._util.error_codes import Failure
from lmms_vg.inference.question import Prepared, Question
from lmms_vg.journal import Journal, QuestionHeads, QuestionMap, Record, content_key
from lmms_vg.methods.base import Method

#: Number of failures that are printed as they happen.
SHOWN_FAILURES = 10


@dataclass
class RunCounts:
    """Numbers of questions that a run asked, answered and failed."""

    asked: int = 0
    from_journal: int = 0
    answered: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.asked} asked, {self.from_journal} from journal, {self.answered} answered now, {self.failed} failed"
        )


@dataclass(eq=False)
class MethodRun:
    """A method, the journal its answers are written to, and counts of asked, answered and failed questions."""

    method: Method
    journal: Journal
    counts: RunCounts = field(default_factory=RunCounts)

    def find(self, prepared: Prepared) -> Record | None:
        """Return the journal's answer to a question, or None."""
        record = self.journal.find(prepared.key, prepared.question.task, prepared.question.uid)
        self.counts.from_journal += record is not None
        return record

    def keep(
        self, records: Sequence[Record], maps: Sequence[QuestionMap] = (), heads: Sequence[QuestionHeads] = ()
    ) -> None:
        """Journal the answers of a batch, and the maps and values of heads of its questions."""
        self.journal.write(records, maps, heads)
        self.counts.answered += len(records)

    def fail(self, question: Question, failure: Failure, prepared: Prepared | None = None) -> Record:
        """Journal a question's failure; print the first `SHOWN_FAILURES` failures of the run."""
        code, error = failure
        key = prepared.key if prepared else content_key({"task": question.task, "uid": question.uid, "error": error})
        prompt = prepared.prompt.text if prepared else ""
        record = Record(key=key, task=question.task, uid=question.uid, error=error, error_code=code, prompt=prompt)
        self.journal.write([record])
        self.counts.failed += 1
        if self.counts.failed <= SHOWN_FAILURES:
            more = "; further ones are in the journal only" if self.counts.failed == SHOWN_FAILURES else ""
            logger.warning(f"{record.task} {record.uid} failed: {record.error}{more}")
        return record
