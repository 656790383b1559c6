"""From answers to task metrics, as lmms-eval wants it: ``process_results`` a document, an aggregation a metric.

A question that failed has an item with ``error`` and no value: it is left out of every mean and counted by
``answered``, never scored as 0. Where all questions failed there is nothing to report and the run ends with SystemExit:
of any other exception here lmms-eval makes a log line and exit status 0.

Items are what the samples file shows, so they hold whole layer lists, and what was compared with the reference. Models
that are not ours leave no record in the journal: their texts are scored like ours, their alignment is not known.
"""

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any

from lmms_vg import journal
from lmms_vg.metrics import closed as rules

Doc = dict[str, Any]
Item = dict[str, Any]

_LISTS = ("ar", "kl", "js", "printed_ar")
_NO_RECORD = (
    "the model left no record of its attention; run this task with a model of lmms_vg (--model <family>_<method>) "
    "and without --use_cache"
)


def alignment_results(doc: Doc, _results: list[str]) -> dict[str, Any]:
    """Where the model looked (paper, Section 2): metrics ar, kl, js and best_layer, with their values at every layer.

    Each item repeats the KL list, because the layer of lowest mean KL is known only once all questions are in.
    """
    try:
        layers = _layers(doc)
    except ValueError as problem:
        return _failed(doc, str(problem), "ar", "kl", "js", "best_layer")
    kl = layers["kl"]
    return {
        "ar": {"ar": layers["ar"], "printed_ar": layers["printed_ar"], "kl": kl},
        "kl": {"kl": kl},
        "js": {"js": layers["js"], "kl": kl},
        "best_layer": {"kl": kl},
        **_counted(1),
    }


def closed_results(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Metric acc: the answer under ``metrics.closed.closed``."""
    return _text_results(doc, results[0], "acc", rules.closed)


def open_results(doc: Doc, results: list[str]) -> dict[str, Any]:
    """Metric exact_match: the answer under ``metrics.closed.exact``."""
    return _text_results(doc, results[0], "exact_match", rules.exact)


def ar(items: list[Item]) -> float:
    """Mean AR at the layer of lowest mean KL; 1 is uniform attention. Errors: SystemExit if no question has a value."""
    return _mean_at_best_layer(items, "ar")


def kl(items: list[Item]) -> float:
    """Mean KL(mask || attention) at its lowest layer, in nats. Errors: SystemExit if no question has a value."""
    return _mean_at_best_layer(items, "kl")


def js(items: list[Item]) -> float:
    """Mean JS divergence at the layer of lowest mean KL, in nats. Errors: SystemExit if no question has a value."""
    return _mean_at_best_layer(items, "js")


def best_layer(items: list[Item]) -> int:
    """The layer of lowest mean KL, from 0; the first of equals. Errors: SystemExit if no question has a value."""
    columns = zip(*(item["kl"] for item in _with_value(items)), strict=True)
    means = [fmean(column) for column in columns]
    return means.index(min(means))


def mean_score(items: list[Item]) -> float:
    """Mean score over the questions that were answered. Errors: SystemExit if no question has a value."""
    return fmean(item["score"] for item in _with_value(items))


def answered(items: list[int]) -> float:
    """Share of the questions that have a value."""
    return fmean(items)


def n(items: list[Item]) -> int:
    """Number of questions that have a value: the n of every mean."""
    return sum(item["answered"] for item in items)


def _layers(doc: Doc) -> dict[str, list[float]]:
    """Lists of equal length, a finite value for each layer. Errors: ValueError saying what is wrong with the record."""
    record = journal.recall(doc["task"], doc["uid"])
    if record is None:
        raise ValueError(_NO_RECORD)
    if record.error is not None:
        raise ValueError(record.error)
    if record.alignment is None:
        raise ValueError("the record has no alignment values")
    try:
        lists = {name: [float(value) for value in record.alignment[name]] for name in _LISTS}
    except (KeyError, TypeError) as problem:
        raise ValueError(f"the record's alignment values are incomplete ({problem!r})") from problem
    if not lists["kl"] or len({len(values) for values in lists.values()}) > 1:
        raise ValueError(f"alignment lists differ in length: { {name: len(values) for name, values in lists.items()} }")
    if not all(math.isfinite(value) for values in lists.values() for value in values):
        raise ValueError("an alignment value is not finite")
    return lists


def _text_results(doc: Doc, text: str, metric: str, rule: Callable[[str, str], rules.Verdict]) -> dict[str, Any]:
    record = journal.recall(doc["task"], doc["uid"])
    if record is not None and record.error is not None:
        return _failed(doc, record.error, metric)
    try:
        verdict = rule(text, doc["answer"])
    except ValueError as problem:  # no reference answer: SLAKE has one such open question
        return _failed(doc, str(problem), metric)
    item = {"score": int(verdict.correct), "extracted": verdict.extracted, "image": doc["image"]}
    return {metric: item, **_counted(1)}


def _failed(doc: Doc, error: str, *metrics: str) -> dict[str, Any]:
    item = {"error": error, "task": doc["task"], "uid": doc["uid"]}
    return {**dict.fromkeys(metrics, item), **_counted(0)}


def _counted(value: int) -> dict[str, Any]:
    # The count is wrapped because lmms-eval gives a standard error to every metric whose items are numbers.
    return {"answered": value, "n": {"answered": value}}


def _with_value(items: list[Item]) -> list[Item]:
    """The items that have a value. Errors: SystemExit if there is none, or if they are of different models."""
    good = [item for item in items if "error" not in item]
    if not good:
        first = items[0]
        raise SystemExit(
            f"{first['task']}: none of the {len(items)} questions got a value, so there is nothing to average. "
            f"The first, {first['uid']}: {first['error']}"
        )
    depths = {len(item["kl"]) for item in good if "kl" in item}
    if len(depths) > 1:
        raise SystemExit(f"answers of models with {sorted(depths)} layers are mixed: no layer can be averaged")
    return good


def _mean_at_best_layer(items: list[Item], name: str) -> float:
    layer = best_layer(items)
    return fmean(item[name][layer] for item in _with_value(items))
