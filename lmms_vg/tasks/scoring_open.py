"""Score open answers: BLEU-1, BERTScore, OpenRecall and their mean, plus exact metrics.

BERTScore needs its own language model, so it runs once over all answers, at aggregation. If its weights are not available,
`bertscore` and `average` have no value, a message says how to get the weights, and the other metrics keep their values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import fmean
from typing import Any

from loguru import logger

from lmms_vg.metrics import bertscore as bert
from lmms_vg.metrics import open_ended
from lmms_vg.metrics.bertscore_settings import BertScoreSettings
from lmms_vg.tasks.metric_items import Doc, Item, counted, failed, model_failure, named, over_values

PER_ANSWER: dict[open_ended.Metric, Callable[[str, str], float]] = {
    "bleu1": open_ended.bleu1,
    "open_recall": open_ended.open_recall,
    "llava_med_recall": open_ended.llava_med_recall,
    "token_f1": open_ended.token_f1,
    "exact_match": open_ended.exact_match,
}


def results(doc: Doc, texts: list[str]) -> dict[str, Any]:
    """Return the metrics of one answer; no values without an answer or a reference (SLAKE has one question without)."""
    declared = (*PER_ANSWER, "bertscore", "average")
    if (reason := model_failure(doc, texts[0])) is not None:
        return failed(doc, reason, *declared)
    try:
        values = {name: metric(texts[0], doc["answer"]) for name, metric in PER_ANSWER.items()}
    except ValueError as problem:
        return failed(doc, problem, *declared)
    pair = {"answer": texts[0], "reference": doc["answer"]}
    items: dict[str, Any] = {
        name: {"score": value, "image": doc["image"], "rule": open_ended.signature(name)}
        for name, value in values.items()
    }
    items["open_recall"] |= named(doc)
    items["bertscore"] = pair | {"image": doc["image"], "rule": bert.signature()}
    items["average"] = pair | {
        "bleu1": values["bleu1"],
        "open_recall": values["open_recall"],
        "rule": f"{open_ended.signature('average')} with {bert.signature()}",
    }
    return {**items, **counted(doc, 1)}


@over_values
def bertscore(items: list[Item]) -> float | None:
    """Mean BERTScore F1, or None if its model is not available."""
    values = _once(tuple(item["answer"] for item in items), tuple(item["reference"] for item in items))
    return None if values is None else fmean(values)


@over_values
def average(items: list[Item]) -> float | None:
    """Mean of BLEU-1, BERTScore and OpenRecall (paper, Table E.3), or None if BERTScore has no value."""
    score = bertscore(items)
    if score is None:
        return None
    return open_ended.average(
        fmean(item["bleu1"] for item in items), score, fmean(item["open_recall"] for item in items)
    )


@cache  # two metrics need the same scores
def _once(answers: tuple[str, ...], references: tuple[str, ...]) -> list[float] | None:
    try:
        settings = BertScoreSettings.from_environment()
        logger.info(f"BERTScore of {len(answers)} answers: {bert.signature(settings, len(answers))}")
        return bert.bertscore(answers, references, settings)
    except Exception as problem:  # noqa: BLE001 - loading a model can fail in many ways; the other metrics must survive
        logger.warning(
            f"no BERTScore ({type(problem).__name__}): {problem}\n"
            "Everything else is scored. The answers are in the journal: run the same command again, and it only scores them"
        )
        return None
