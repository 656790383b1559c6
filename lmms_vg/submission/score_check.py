"""Compare the verdicts, values and means that a submission states with those that its answers give."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from lmms_vg._util.error_codes import UNMEASURED
from lmms_vg.metrics.open_ended import average
from lmms_vg.runs.results import MEASURED
from lmms_vg.submission.alignment_plausibility import implausible
from lmms_vg.submission.findings import Finding
from lmms_vg.submission.rescoring import AnswerVerdict, Pair, Scored, verdict
from lmms_vg.submission.schema import Task
from lmms_vg.submission.schema_lines import BundleAnswer
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import TASKS

_BERTSCORE, _AVERAGE = "bertscore", "average"

_CLOSE = 1e-9  # relative tolerance; other machines may add floats in another order


def differences(task: str, pairs: Sequence[Pair], result: Scored) -> Iterator[Finding]:
    """Yield a finding for every answer whose stated verdict is not what its text gives."""
    for (_, answer), line in zip(pairs, result.lines, strict=True):
        actual, stated = verdict(line), AnswerVerdict(answer.extracted, answer.score, answer.error_code, answer.error)
        if actual != stated:
            yield Finding(
                "verdict", f"{task} {answer.uid}", f"says {_show(stated)}, but the answer gives {_show(actual)}"
            )


def alignment_findings(task: str, answers: Sequence[BundleAnswer]) -> Iterator[Finding]:
    """Yield a finding for every measurement without plausible alignment, and for every other answer that has alignment."""
    if not TASKS[task].measures:
        unexpected = [answer for answer in answers if answer.alignment is not None]
        yield from (
            Finding("alignment", f"{task} {answer.uid}", "has alignment, but its task is not a measurement")
            for answer in unexpected
        )
        return
    for answer in answers:
        if answer.alignment is not None and (wrong := implausible(answer.alignment)):
            yield Finding("alignment", f"{task} {answer.uid}", wrong)
        elif (answer.alignment is None) == (answer.error_code is None):
            yield Finding("alignment", f"{task} {answer.uid}", "must have either values or an error")
    for code, of_code in (("unmeasured", True), ("failed", False)):
        failed = [answer for answer in answers if answer.error_code and (answer.error_code in UNMEASURED) is of_code]
        if failed:
            yield Finding(
                code, task, f"{len(failed)} of {len(answers)} questions; {failed[0].uid}: {str(failed[0].error)[:200]}"
            )
    if len({len(answer.alignment.kl) for answer in answers if answer.alignment}) > 1:
        yield Finding("alignment", task, "answers of models with different numbers of layers")
    if len({answer.alignment.version for answer in answers if answer.alignment}) > 1:
        yield Finding("alignment", task, "answers measured by different versions of the rule")


def metric_differences(where: str, stated: dict[str, Any], actual: dict[str, Any]) -> Iterator[Finding]:
    """Yield a finding for every value that the answers do not give; values that were not recomputed are notes."""
    for name in sorted(stated.keys() | actual.keys()):
        if name not in stated or name not in actual:
            yield Finding("metric", f"{where} {name}", "is missing" if name in actual else "is not one of its metrics")
        elif name == _BERTSCORE:
            if stated[name] is not None and not -1 <= stated[name] <= 1:
                yield Finding("metric", f"{where} {name}", f"{stated[name]} is not a cosine")
            elif stated[name] is not None:
                yield Finding("unverified-metric", f"{where} {name}", f"{stated[name]} needs a language model")
        elif name == _AVERAGE:
            bertscore = stated.get(_BERTSCORE)
            mean = None if bertscore is None else average(actual["bleu1"], bertscore, actual["open_recall"])
            if not _close(stated[name], mean):
                yield Finding("metric", f"{where} {name}", f"says {stated[name]}, but its parts give {mean}")
        elif not _close(stated[name], actual[name]):
            yield Finding("metric", f"{where} {name}", f"says {stated[name]}, but the answers give {actual[name]}")


def by_its_rules(name: str, task: Task, result: Scored, wrong: list[Finding]) -> Iterator[Finding]:
    """Yield `wrong`, the verdicts and values that differ; under another version's rule, `outdated-rule` replaces the errors."""
    others = sorted(
        metric
        for metric in (task.rules.keys() | result.rules.keys()) - rescore.NEEDS_MODEL - {*MEASURED}
        if task.rules.get(metric) != result.rules.get(metric)
    )
    errors = [finding for finding in wrong if not finding.is_note]
    if not others or not errors:
        yield from wrong
    else:
        yield from (finding for finding in wrong if finding.is_note)
        verdicts = sum(finding.code == "verdict" for finding in errors)
        yield Finding(
            "outdated-rule",
            name,
            f"this version's rules read {verdicts} of {task.asked} answers differently; "
            "run the same command again, which scores the answers anew, and make the bundle again with lmms-vg submit",
        )
    for metric in others:
        message = f"was scored by {task.rules.get(metric)}, here by {result.rules.get(metric)}"
        yield Finding("rule", f"{name} {metric}", message)


def _close(first: Any, second: Any) -> bool:
    numbers = isinstance(first, int | float) and isinstance(second, int | float)
    return math.isclose(first, second, rel_tol=_CLOSE, abs_tol=_CLOSE) if numbers else first == second


def _show(stated: AnswerVerdict) -> str:
    if stated.error_code is not None:
        return f"that it cannot be scored ({stated.error_code}: {str(stated.error)[:100]})"
    return f"{stated.score} for {(stated.extracted or 'nothing')[:100]!r}"
