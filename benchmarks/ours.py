"""lmms_vg's own path: what the harness does with lmms-eval's requests, with a fresh journal for every call."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from torch import Tensor

from benchmarks.questions import REFERENCE, Asked
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Question
from lmms_vg.journal import Journal
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import Method
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family


@dataclass(frozen=True)
class Ours:
    """A family and its methods, answering one question at a time (batch size 1, as `llava_hf`)."""

    family: Family
    methods: Sequence[Method]
    new_tokens: int

    def __call__(self, asked: Asked) -> list[str]:
        """Ask all questions about one image; returns the first method's answers, the other methods answer too.

        A new answerer has no image prefix and a new journal no answer, so earlier rounds leave nothing behind.

        Raises:
            RuntimeError: a question failed.
        """
        questions = [self._question(asked, text) for text in asked.questions]
        with tempfile.TemporaryDirectory() as folder:
            method_runs = [MethodRun(method, Journal(Path(folder) / str(i))) for i, method in enumerate(self.methods)]
            with closing(Answerer(self.family, method_runs)) as answerer:
                records = {question.uid: record for question, record in answerer.answer(questions)}
        if failed := [run.method for run in method_runs if run.counts.failed]:
            raise RuntimeError(f"failed: {failed}; {[record.error for record in records.values()]}")
        return [records[question.uid].text for question in questions]

    def _question(self, asked: Asked, text: str) -> Question:
        return Question(
            task="benchmark",
            uid=text,
            message=partial(_message, asked, text),
            reference=REFERENCE,
            decoding=Decoding(max_new_tokens=self.new_tokens),
        )


def _message(asked: Asked, text: str) -> list:
    return [asked.open(), text]


@dataclass(frozen=True)
class WeighedVGRefine(VGRefine):
    """VGRefine that records how many bytes it captured per question and reference."""

    captured: list[int] = field(default_factory=list, repr=False)

    def irrelevant(self, question: dict[int, Tensor], reference: dict[int, Tensor]) -> Tensor:
        """As VGRefine, after the bytes are recorded."""
        self.captured.append(sum(maps.nbytes for maps in (*question.values(), *reference.values())))
        return super().irrelevant(question, reference)
