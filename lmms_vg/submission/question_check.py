"""The questions of a task as a bundle holds them, and the check that they are the benchmark's.

They are if their SHA-256 is the one in `questions.json`, made from the authors' files, or if the reader makes the same
questions from files on this machine, since a published file may be corrected later. With neither at hand the check is not
possible.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any

from lmms_vg.datasets.counts import partial_allowed
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError, DataMissing, offline
from lmms_vg.submission.archive import sha256
from lmms_vg.submission.findings import Finding
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.strict_json import canonical
from lmms_vg.tasks.document_fields import FIELDS
from lmms_vg.tasks.metric_items import Doc
from lmms_vg.tasks.registry import TASKS


def question_of(sample: Sample) -> BundleQuestion:
    """Return a reader's sample as a bundle holds it. NaN in a broken row's boxes becomes None, since JSON has no NaN."""
    values = {name: getattr(sample, name) for name in BundleQuestion.model_fields}
    boxes = [[None if math.isnan(edge) else edge for edge in box] for box in sample.boxes]
    return BundleQuestion(**(values | {"boxes": boxes}))


def document(task: str, question: BundleQuestion) -> Doc:
    """Return the document as lmms-eval has it; see `tasks.documents`."""
    boxes = [[math.nan if edge is None else edge for edge in box] for box in question.boxes]
    extra = {"task": task, "image": question.unit, "boxes": boxes}
    doc: dict[str, Any] = question.model_dump() | extra
    assert doc.keys() - {"patient"} == {*FIELDS}, "a bundle's questions hold every field that scoring reads"
    return doc


def text_of(questions: list[BundleQuestion]) -> str:
    """Return the text of the member `questions/<task>.jsonl`."""
    return "".join(_lines(questions))


@cache
def shipped() -> dict[str, str]:
    """Return task -> SHA-256 of its questions, for the benchmarks whose files were at hand at release."""
    read: dict[str, str] = json.loads(
        resources.files("lmms_vg.submission").joinpath("questions.json").read_text("utf-8")
    )
    return read


@cache
def local(task: str) -> tuple[str, ...] | None:
    """Return the lines of the benchmark's questions on this machine; None if they are missing or incomplete."""
    if partial_allowed():
        return None
    try:
        with offline():
            samples = TASKS[task].load()
    except (DataMissing, DataError, OSError):
        return None
    return tuple(_lines([question_of(sample) for sample in samples]))


def check(task: str, digest: str, asked: list[BundleQuestion]) -> Finding | None:
    """Return None if these are the benchmark's questions; else `questions`, or `unverified-questions` if that is unknown."""
    known = shipped().get(task)
    if digest == known:
        return None
    lines = local(task)
    if lines is None:
        if known is None:
            return Finding("unverified-questions", task, "put the data set into LMMS_VG_DATA to have them compared")
        return Finding("questions", task, f"their SHA-256 is {digest}, but the benchmark's is {known}")
    if digest == sha256("".join(lines)):
        return None
    first = next(
        (number for number, pair in enumerate(zip(lines, _lines(asked), strict=False)) if pair[0] != pair[1]),
        len(lines),
    )
    return Finding("questions", task, f"line {first + 1} is not the benchmark's question, options, answer or boxes")


def _lines(questions: list[BundleQuestion]) -> list[str]:
    return [f"{canonical(question.model_dump())}\n" for question in questions]
