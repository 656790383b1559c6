"""lmms_vg's own path: what the harness does with lmms-eval's requests, with a fresh journal for every call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image
from torch import Tensor

from benchmarks.contest import Round
from benchmarks.questions import REFERENCE, Asked
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.batch_limit import BatchSize
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.inference.question import Message, Question
from lmms_vg.journal import Journal
from lmms_vg.journal.decoding import Decoding
from lmms_vg.methods import Method
from lmms_vg.methods.vgrefine import VGRefine
from lmms_vg.models import Family


@dataclass(frozen=True)
class Ours:
    """A family and its methods.

    Attributes:
        family: the model.
        methods: they answer together.
        new_tokens: most tokens per answer.
        batch_size: questions per pass; 1 as `llava_hf`.
        align: whether to measure attention against a box, with captured rows.
    """

    family: Family
    methods: Sequence[Method]
    new_tokens: int
    batch_size: BatchSize = 1
    align: bool = False

    def __call__(self, images: Round, answered: Callable[[], object] = lambda: None) -> list[str]:
        """Ask all questions of a round; returns the first method's answers, the other methods answer too.

        `answered` is called after each of the first method's answers.
        """
        return answers(
            self.family,
            self.methods,
            [about(asked, text, self.new_tokens, self.align) for asked in images for text in asked.questions],
            self.batch_size,
            answered,
        )


def about(asked: Asked, text: str, new_tokens: int, align: bool = False) -> Question:
    """A question about an image; the box to measure against is the image's middle."""
    width, height = (0, 0)
    if align:
        with Image.open(asked.image) as opened:  # reads the size only: opening an image is not measured twice
            width, height = opened.size
    return Question(
        task="benchmark",
        uid=f"{asked.image.name}: {text}",
        message=partial(_message, asked, text),
        reference=REFERENCE,
        decoding=Decoding(max_new_tokens=new_tokens),
        boxes=[[width / 4, height / 4, width / 2, height / 2]] if align else (),
        align=align,
    )


def answers(
    family: Family,
    methods: Sequence[Method],
    questions: Sequence[Question],
    batch_size: BatchSize = 1,
    answered: Callable[[], object] = lambda: None,
) -> list[str]:
    """The first method's answers, in order.

    A new answerer has no image prefix and a new journal no answer, so earlier rounds leave nothing behind.

    Raises:
        RuntimeError: a question failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        method_runs = [MethodRun(method, Journal(Path(folder) / str(i))) for i, method in enumerate(methods)]
        with closing(Answerer(family, method_runs, batch_size)) as answerer:
            records = {}
            for question, record in answerer.answer(questions):
                records[question.uid] = record
                answered()
    if failed := [run.method for run in method_runs if run.counts.failed]:
        raise RuntimeError(f"failed: {failed}; {[record.error for record in records.values()]}")
    return [records[question.uid].text for question in questions]


def _message(asked: Asked, text: str) -> Message:
    return [asked.open(), text]


@dataclass(frozen=True)
class WeighedVGRefine(VGRefine):
    """VGRefine that records how many bytes it captured per question and reference."""

    captured: list[int] = field(default_factory=list, repr=False)

    def irrelevant(self, question: dict[int, Tensor], reference: dict[int, Tensor]) -> Tensor:
        """As VGRefine, after the bytes are recorded."""
        self.captured.append(sum(maps.nbytes for maps in (*question.values(), *reference.values())))
        return super().irrelevant(question, reference)
