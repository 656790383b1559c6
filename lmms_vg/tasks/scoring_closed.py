"""Score answers as right or wrong: closed questions, multiple choice, and HuatuoGPT-Vision's own rule.

Every task reports `acc`, its interval `ci95`, `unparseable` (share of answers that the rule cannot read, which count as
wrong), `answered`, `n`, and its accuracy broken down: `macro_<axis>` and a log line with every category. Other models than
ours leave no record in the journal; their texts are scored in the same way.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from math import isfinite
from statistics import fmean
from typing import Any

from loguru import logger

from lmms_vg.datasets import mmmu
from lmms_vg.host import failure
from lmms_vg.metrics import choice as choices
from lmms_vg.metrics import closed as rules
from lmms_vg.metrics.closed import Verdict
from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.tasks.metric_items import Doc, Item, counted, failed, model_failure, named, over_values
from lmms_vg.tasks.registry import TASKS

Rule = Callable[[str, Doc], Verdict]


def _closed(text: str, doc: Doc) -> Verdict:
    return rules.closed(text, doc["answer"])


def _choice(text: str, doc: Doc) -> Verdict:
    return choices.choice(text, doc["answer"], doc["options"])


def _chen(text: str, doc: Doc) -> Verdict:
    return choices.chen(text, doc["answer"], doc["options"])


def _mmmu(text: str, doc: Doc) -> Verdict:
    """Return a letter if there are options; else a match with any accepted answer, which may be written as a Python list."""
    if doc["options"]:
        return _choice(text, doc)
    verdicts = [rules.exact(text, accepted) for accepted in accepted_answers(doc["answer"])]
    return next((verdict for verdict in verdicts if verdict.correct), verdicts[0])


def accepted_answers(answer: str) -> list[str]:
    """Return the accepted answers of an open MMMU question: the text itself, or the items of a Python list."""
    if not answer.startswith("["):
        return [answer]
    try:
        answers = [str(item) for item in ast.literal_eval(answer)]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # all that literal_eval raises
        return [answer]
    return [item for item in answers if item.strip()] or [answer]


def score(rule: Rule, signature: str, doc: Doc, results: list[str]) -> dict[str, Any]:
    """Return the metrics of one answer under a rule; no values if the model gave no answer or the question has no reference."""
    axes = TASKS[doc["task"]].axes if doc["task"] in TASKS else ()  # other packages' tasks state no axes
    declared = ("acc", "ci95", "unparseable", *(f"macro_{axis}" for axis in axes))
    if (reason := model_failure(doc, results[0])) is not None:
        return failed(doc, reason, *declared)
    try:
        verdict = rule(results[0], doc)
    except ValueError as problem:
        return failed(doc, problem, *declared)
    correct = int(verdict.correct)
    return {
        "acc": {"score": correct, "extracted": verdict.extracted, "rule": signature, **named(doc)},
        "ci95": {"correct": correct, "image": doc["image"]},
        "unparseable": {"unparseable": verdict.extracted is None},
        **{
            f"macro_{axis}": {"correct": correct, "task": doc["task"], "axis": axis, "category": doc[axis]}
            for axis in axes
        },
        **counted(doc, 1),
    }


closed_results = partial(score, _closed, rules.signature("closed"))
choice_results = partial(score, _choice, choices.signature("choice"))
chen_results = partial(score, _chen, choices.signature("chen"))
mmmu_results = partial(score, _mmmu, choices.signature("choice"))


def yes_no_results(doc: Doc, results: list[str]) -> dict[str, Any]:
    """`closed_results` plus `llava_med`: LLaVA-Med's substring rule, for comparison with published numbers."""
    scored = closed_results(doc, results)
    if "error" in scored["acc"]:
        return scored | {"llava_med": scored["acc"]}
    verdict = rules.llava_med(results[0], doc["answer"])
    item = {"score": int(verdict.correct), "image": doc["image"], "rule": rules.signature("llava_med")}
    return scored | {"llava_med": item}


@over_values
def ci95(items: list[Item]) -> list[float] | None:
    """95% interval [low, high] of the accuracy, from a bootstrap of whole images with seed 0; None for a single image."""
    interval = cluster_interval([item["correct"] for item in items], [item["image"] for item in items])
    return [round(bound, 4) for bound in interval] if isfinite(interval.low) else None


@over_values
def unparseable(items: list[Item]) -> float:
    """Share of the answers that the rule could not read, from 0 to 1."""
    return fmean(item["unparseable"] for item in items)


@over_values
def macro(items: list[Item]) -> float:
    """Unweighted mean of the categories' accuracies; logs every category."""
    categories: dict[str, list[int]] = defaultdict(list)
    for item in items:
        categories[item["category"] or "(none)"].append(item["correct"])
    shown = ", ".join(f"{name} {fmean(hits):.3f} (n {len(hits)})" for name, hits in sorted(categories.items()))
    logger.info(f"{items[0]['task']}: accuracy by {items[0]['axis']}: {shown}")
    return fmean(fmean(hits) for hits in categories.values())


def pooled(accuracies: list[float | None], sizes: list[int], _by_size: bool) -> float | None:
    """Accuracy of a group over all its questions, pooled as lmms-eval does; None if one of its tasks has no value."""
    return _weighted(accuracies, sizes)


def weighted_as_mmmu(accuracies: list[float | None], _sizes: list[int], _by_size: bool) -> float | None:
    """Mean of the five subjects' accuracies weighted by the size of their *test* splits, as in the paper's Table 2.

    None if a subject has no value.
    """
    return _weighted(accuracies, [mmmu.MMMU.counts[f"test/{subject}"] for subject in mmmu.SUBJECTS])


def _weighted(accuracies: list[float | None], weights: list[int]) -> float | None:
    values = [accuracy for accuracy in accuracies if accuracy is not None]
    if len(values) < len(weights):
        failure.note(f"{len(weights) - len(values)} of a group's {len(weights)} tasks have no accuracy, so it has none")
        return None
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
