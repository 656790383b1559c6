"""lmms_vg's own path: what the harness does with lmms-eval's requests, with a fresh journal every time."""

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
    """A family and methods, answering one question after the other (batch size 1, as `llava_hf`)."""

    family: Family
    methods: Sequence[Method]
    new_tokens: int

    def __call__(self, asked: Asked) -> list[str]:
        """The first method's answers to all questions about one image; the others answer along.

        A new answerer has no image prefix yet and a new journal no answer, so nothing is left of an earlier round.

        Raises:
            RuntimeError: a question failed.
        """
        questions = [self._question(asked, text) for text in asked.questions]
        with tempfile.TemporaryDirectory() as folder:
            method_runs = [MethodRun(one, Journal(Path(folder) / str(i))) for i, one in enumerate(self.methods)]
            with closing(Answerer(self.family, method_runs)) as answerer:
                records = {question.uid: record for question, record in answerer.answer(questions)}
        if failed := [one.method for one in method_runs if one.counts.failed]:
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
    """VGRefine that notes how many bytes it captured of every question and its reference."""

    captured: list[int] = field(default_factory=list, repr=False)

    def irrelevant(self, question: dict[int, Tensor], reference: dict[int, Tensor]) -> Tensor:
        self.captured.append(sum(maps.nbytes for maps in (*question.values(), *reference.values())))
        return super().irrelevant(question, reference)
