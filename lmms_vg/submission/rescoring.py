"""Score a task's answers with this version."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lmms_vg._util.error_codes import ErrorCode
from lmms_vg.journal import Record
from lmms_vg.metrics import alignment, forced_choice
from lmms_vg.runs.results import MEASURED, SCORED, Line, metric_of
from lmms_vg.submission.findings import rejected
from lmms_vg.submission.forced_scores import FORCED, forced_scores
from lmms_vg.submission.question_check import document
from lmms_vg.submission.read_answers import read_answers
from lmms_vg.submission.schema import Provenance, Task
from lmms_vg.submission.schema_lines import BundleAnswer, BundleQuestion
from lmms_vg.submission.validated import Scores, Values
from lmms_vg.tasks import rescore
from lmms_vg.tasks.document_fields import AXES
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition

Pair = tuple[BundleQuestion, BundleAnswer]

#: The value in place of a metric for a task whose reference answers are not public.
HIDDEN = "submission"

#: Not stored: intervals are computed on display, because bootstrap draws differ between scipy versions.
_DRAWN = frozenset({"ci95"})

_BLEU = "bleu1"

_LOOKED = ("ar", "kl", "js")


@dataclass(frozen=True)
class AnswerVerdict:
    """The rule's verdict on an answer: a value, or an `error_code`. Two verdicts may differ in the words of `error`."""

    extracted: str | None = None
    score: float | None = None
    error_code: ErrorCode | None = None
    error: str | None = field(default=None, compare=False)


class Scored(NamedTuple):
    """A task's scores.

    Attributes:
        lines: as lmms-eval's samples file has them.
        metrics: as lmms-eval aggregates them; None for those that need a language model.
        rules: metric -> signature.
    """

    lines: list[Line]
    metrics: dict[str, Any]
    rules: dict[str, str]


def scored(task: str, pairs: Sequence[Pair]) -> Scored:
    """Score all answers of a task, without the metrics that load a language model.

    Raises:
        Rejected: no question has a value (`metric`).
    """
    lines = list(rescore.score(task, _records(task, pairs)))
    if all(verdict(line).error_code for line in lines):
        raise rejected("metric", task, "none of its questions has a value")
    means = dict(rescore.means(task, lines, without=rescore.NEEDS_MODEL | _DRAWN))
    names = [metric["metric"] for metric in definition(task)["metric_list"]]
    needs_model = {name: None for name in names if name in rescore.NEEDS_MODEL}
    return Scored(lines, means | needs_model, rules_of(lines))


def rules_of(lines: Sequence[Line]) -> dict[str, str]:
    """Return metric -> signature; all items of a task have the same."""
    return {
        name: item["rule"]
        for line in lines
        for name, item in line.items()
        if isinstance(item, dict) and isinstance(item.get("rule"), str)
    }


def verdict(line: Line) -> AnswerVerdict:
    """Return the verdict of one line, whatever the kind of its task."""
    metric = next(name for name in (*SCORED, HIDDEN, MEASURED[0]) if name in line)
    item = line[metric]
    if "error" in item:
        return AnswerVerdict(error_code=item["error_code"], error=item["error"])
    if metric == HIDDEN:
        return AnswerVerdict(item["answer"] or None)
    return AnswerVerdict(item.get("extracted"), item.get("score"))


def scores_of(
    task: str, stated: Task, run: Provenance | None, pairs: Sequence[Pair], result: Scored, verified: bool
) -> Scores | None:
    """Return the scores that the page compares; None for answers that are scored elsewhere."""
    metric = metric_of(result.lines[0])
    further: dict[str, tuple[str, Values]] = {}
    if metric is not None:
        values = _values([verdict(line).score for line in result.lines])
        rule = result.rules[metric]
        if _BLEU in result.rules:
            further[_BLEU] = result.rules[_BLEU], _values([line[_BLEU].get("score") for line in result.lines])
        if any(answer.first_token is not None for _, answer in pairs):
            further[FORCED] = forced_choice.signature(), _values(forced_scores(task, pairs))
    elif TASKS[task].measures:
        assert run is not None, "declared models have no measurements"
        version = next(answer.alignment.version for _, answer in pairs if answer.alignment)
        metric, rule = "ar", alignment.signature(rows=run.rows, geometry=run.geometry, version=version)
        values, *others = (_at_layer(result, name) for name in _LOOKED)
        further = {name: (rule, other) for name, other in zip(_LOOKED[1:], others, strict=True)}
    else:
        return None
    if stated.questions not in _labels:
        _labels[stated.questions] = _labels_of([question for question, _ in pairs])
    uids, images, categories = _labels[stated.questions]
    read = read_answers(result.lines) if metric == "acc" else None
    return Scores(stated.questions, rule, metric, uids, images, values, categories, verified, further, read=read)


def _at_layer(result: Scored, name: str) -> Values:
    """Return a measurement's values at the layer that its means are taken at."""
    layer = result.metrics["best_layer"]
    return _values([line[name][name][layer] if name in line[name] else None for line in result.lines])


def _values(values: Sequence[float | None]) -> Values:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


_Labels = tuple[tuple[str, ...], tuple[str, ...], dict[str, tuple[str, ...]]]
_labels: dict[str, _Labels] = {}  # SHA-256 of questions -> their labels, shared by hundreds of submissions


def _labels_of(questions: Sequence[BundleQuestion]) -> _Labels:
    axes = [axis for axis in AXES if any(getattr(question, axis) for question in questions)]
    return (
        tuple(question.uid for question in questions),
        tuple(question.unit for question in questions),
        {axis: tuple(getattr(question, axis) for question in questions) for axis in axes},
    )


def _records(task: str, pairs: Sequence[Pair]) -> Iterator[tuple[dict[str, Any], Record]]:
    for question, answer in pairs:
        alignment = None if answer.alignment is None else answer.alignment.model_dump(exclude={"excess", "placement"})
        record = Record(
            key="", task=task, uid=question.uid, text=answer.answer, alignment=alignment, first_token=answer.first_token
        )
        if TASKS[task].measures:  # other tasks find out again what cannot be scored
            record = record.model_copy(update={"error": answer.error, "error_code": answer.error_code})
        yield document(task, question), record
