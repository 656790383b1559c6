"""A task's answers scored by this version: each verdict, each mean, and where they differ from what a submission says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lmms_vg._util.error_codes import UNMEASURED, ErrorCode
from lmms_vg.journal import Record
from lmms_vg.metrics import alignment
from lmms_vg.metrics.open_ended import average
from lmms_vg.runs.results import MEASURED, SCORED, Line, metric_of
from lmms_vg.submission.alignment_plausibility import implausible
from lmms_vg.submission.findings import Finding, rejected
from lmms_vg.submission.question_check import document
from lmms_vg.submission.schema import BundleAnswer, BundleQuestion, Provenance, Task
from lmms_vg.submission.validated import Scores, Values
from lmms_vg.tasks import rescore
from lmms_vg.tasks.documents import AXES
from lmms_vg.tasks.yaml_files import definition

Pair = tuple[BundleQuestion, BundleAnswer]

HIDDEN = "submission"
"""What a task has in place of a metric where the answers are not public."""

_DRAWN = frozenset({"ci95"})
"""Not kept: whoever shows an interval draws it, and the same draws depend on scipy's version."""

_BLEU, _BERTSCORE, _AVERAGE = "bleu1", "bertscore", "average"

_LOOKED = ("ar", "kl", "js")

_CLOSE = 1e-9  # relative; sums of floats may be taken in another order elsewhere


@dataclass(frozen=True)
class AnswerVerdict:
    """What the rule made of an answer; ``error_code`` where it has no value. The words of ``error`` make no difference."""

    extracted: str | None = None
    score: float | None = None
    error_code: ErrorCode | None = None
    error: str | None = field(default=None, compare=False)


class Scored(NamedTuple):
    """``lines`` as lmms-eval's samples file has them; ``metrics`` as it aggregates them, None if a language model is needed."""

    lines: list[Line]
    metrics: dict[str, Any]
    rules: dict[str, str]


def scored(task: str, pairs: Sequence[Pair]) -> Scored:
    """All answers of a task, without those metrics that load a language model. Errors: Rejected if there is no value at all."""
    lines = list(rescore.score(task, _records(task, pairs)))
    if all(verdict(line).error_code for line in lines):
        raise rejected("metric", task, "not one of its questions has a value")
    found = dict(rescore.means(task, lines, without=rescore.NEEDS_MODEL | _DRAWN))
    names = [one["metric"] for one in definition(task)["metric_list"]]
    needs_model = {name: None for name in names if name in rescore.NEEDS_MODEL}
    return Scored(lines, found | needs_model, rules_of(lines))


def rules_of(lines: Sequence[Line]) -> dict[str, str]:
    """Metric -> signature; of a task's items all have the same."""
    return {
        name: item["rule"]
        for line in lines
        for name, item in line.items()
        if isinstance(item, dict) and isinstance(item.get("rule"), str)
    }


def verdict(line: Line) -> AnswerVerdict:
    """Of one line, whatever kind of task it is of."""
    metric = next(name for name in (*SCORED, HIDDEN, MEASURED[0]) if name in line)
    item = line[metric]
    if "error" in item:
        return AnswerVerdict(error_code=item["error_code"], error=item["error"])
    if metric == HIDDEN:
        return AnswerVerdict(item["answer"] or None)
    return AnswerVerdict(item.get("extracted"), item.get("score"))


def differences(task: str, pairs: Sequence[Pair], made: Scored) -> Iterator[Finding]:
    """Every answer whose verdict is not what its text gives."""
    for (_, answer), line in zip(pairs, made.lines, strict=True):
        mine, said = verdict(line), AnswerVerdict(answer.extracted, answer.score, answer.error_code, answer.error)
        if mine != said:
            yield Finding("verdict", f"{task} {answer.uid}", f"says {_show(said)}, but the answer gives {_show(mine)}")


def alignment_findings(task: str, answers: Sequence[BundleAnswer]) -> Iterator[Finding]:
    """Of a measurement each answer whose alignment is missing or that of no attention map; of other tasks, that it is there."""
    if not measures(task):
        there = [answer for answer in answers if answer.alignment is not None]
        yield from (Finding("alignment", f"{task} {answer.uid}", "is no measurement") for answer in there)
        return
    for answer in answers:
        if answer.alignment is not None and (wrong := implausible(answer.alignment)):
            yield Finding("alignment", f"{task} {answer.uid}", wrong)
        elif (answer.alignment is None) == (answer.error_code is None):
            yield Finding("alignment", f"{task} {answer.uid}", "has either values or an error")
    for code, of_code in (("unmeasured", True), ("failed", False)):
        found = [answer for answer in answers if answer.error_code and (answer.error_code in UNMEASURED) is of_code]
        if found:
            yield Finding(
                code, task, f"{len(found)} of {len(answers)} questions; {found[0].uid}: {str(found[0].error)[:200]}"
            )
    if len({len(answer.alignment.kl) for answer in answers if answer.alignment}) > 1:
        yield Finding("alignment", task, "answers of models with different numbers of layers")
    if len({answer.alignment.version for answer in answers if answer.alignment}) > 1:
        yield Finding("alignment", task, "answers that were measured by different versions of the rule")


def metric_differences(where: str, said: dict[str, Any], made: dict[str, Any]) -> Iterator[Finding]:
    """Every value that is not what the answers give. What was not computed again is a note."""
    for name in sorted(said.keys() | made.keys()):
        if name not in said or name not in made:
            yield Finding("metric", f"{where} {name}", "is missing" if name in made else "is none of its metrics")
        elif name == _BERTSCORE:
            if said[name] is not None and not -1 <= said[name] <= 1:
                yield Finding("metric", f"{where} {name}", f"{said[name]} is no cosine")
            elif said[name] is not None:
                yield Finding("unverified-metric", f"{where} {name}", f"{said[name]} needs a language model")
        elif name == _AVERAGE:
            bertscore = said.get(_BERTSCORE)
            mean = None if bertscore is None else average(made["bleu1"], bertscore, made["open_recall"])
            if not _close(said[name], mean):
                yield Finding("metric", f"{where} {name}", f"says {said[name]}, but its parts give {mean}")
        elif not _close(said[name], made[name]):
            yield Finding("metric", f"{where} {name}", f"says {said[name]}, but the answers give {made[name]}")


def by_its_rules(name: str, task: Task, made: Scored, wrong: list[Finding]) -> Iterator[Finding]:
    """``wrong`` verdicts and values; where a rule is another version's, they are no forgery, and that is said instead."""
    others = sorted(
        metric
        for metric in (task.rules.keys() | made.rules.keys()) - rescore.NEEDS_MODEL - {*MEASURED}
        if task.rules.get(metric) != made.rules.get(metric)
    )
    errors = [one for one in wrong if not one.is_note]
    if not others or not errors:
        yield from wrong
    else:
        yield from (one for one in wrong if one.is_note)
        verdicts = sum(one.code == "verdict" for one in errors)
        yield Finding(
            "outdated-rule",
            name,
            f"{verdicts} of {task.asked} answers are read otherwise by the rules of this version; "
            "run the same command again, which scores the answers anew, and make the bundle again with lmms-vg submit",
        )
    for metric in others:
        said = f"was scored by {task.rules.get(metric)}, here by {made.rules.get(metric)}"
        yield Finding("rule", f"{name} {metric}", said)


def measures(task: str) -> bool:
    """Whether a task measures where a model looked."""
    return MEASURED[-1] in {one["metric"] for one in definition(task)["metric_list"]}


def scores_of(
    task: str, stated: Task, run: Provenance, pairs: Sequence[Pair], made: Scored, verified: bool
) -> Scores | None:
    """What the page compares by; None for answers that are scored elsewhere."""
    metric = metric_of(made.lines[0])
    further: dict[str, tuple[str, Values]] = {}
    if metric is not None:
        values = _values([verdict(line).score for line in made.lines])
        rule = made.rules[metric]
        if _BLEU in made.rules:
            further[_BLEU] = made.rules[_BLEU], _values([line[_BLEU].get("score") for line in made.lines])
    elif measures(task):
        version = next(answer.alignment.version for _, answer in pairs if answer.alignment)
        metric, rule = "ar", alignment.signature(rows=run.rows, geometry=run.geometry, version=version)
        values, *others = (_at_layer(made, name) for name in _LOOKED)
        further = {name: (rule, other) for name, other in zip(_LOOKED[1:], others, strict=True)}
    else:
        return None
    if stated.questions not in _labels:
        _labels[stated.questions] = _labels_of([question for question, _ in pairs])
    uids, images, categories = _labels[stated.questions]
    return Scores(stated.questions, rule, metric, uids, images, values, categories, verified, further)


def _at_layer(made: Scored, name: str) -> Values:
    """A measurement's values at the one layer that its means are of."""
    layer = made.metrics["best_layer"]
    return _values([line[name][name][layer] if name in line[name] else None for line in made.lines])


def _values(values: Sequence[float | None]) -> Values:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


_Labels = tuple[tuple[str, ...], tuple[str, ...], dict[str, tuple[str, ...]]]
_labels: dict[str, _Labels] = {}  # SHA-256 of questions -> theirs, shared by hundreds of submissions


def _labels_of(questions: Sequence[BundleQuestion]) -> _Labels:
    axes = [axis for axis in AXES if any(getattr(one, axis) for one in questions)]
    return (
        tuple(one.uid for one in questions),
        tuple(one.images[0] if one.images else "" for one in questions),
        {axis: tuple(getattr(one, axis) for one in questions) for axis in axes},
    )


def _records(task: str, pairs: Sequence[Pair]) -> Iterator[tuple[dict[str, Any], Record]]:
    for question, answer in pairs:
        alignment = None if answer.alignment is None else answer.alignment.model_dump()
        record = Record(key="", task=task, uid=question.uid, text=answer.answer, alignment=alignment)
        if measures(task):  # elsewhere it is found out again what cannot be scored
            record = record.model_copy(update={"error": answer.error, "error_code": answer.error_code})
        yield document(task, question), record


def _close(first: Any, second: Any) -> bool:
    numbers = isinstance(first, int | float) and isinstance(second, int | float)
    return math.isclose(first, second, rel_tol=_CLOSE, abs_tol=_CLOSE) if numbers else first == second


def _show(one: AnswerVerdict) -> str:
    if one.error_code is not None:
        return f"that it cannot be scored ({one.error_code}: {str(one.error)[:100]})"
    return f"{one.score} for {(one.extracted or 'nothing')[:100]!r}"
