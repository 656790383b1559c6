"""Compute ar, kl, js and best_layer of the measurement tasks from the records of a model's attention.

Items are written to the samples file, so they hold whole lists of layers. Each repeats the KL list, because the layer of
lowest mean KL is known only after all questions. Other models than ours leave no record of their attention.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from lmms_vg import journal
from lmms_vg.journal import Record
from lmms_vg.metrics import alignment
from lmms_vg.tasks.metric_items import Doc, Item, counted, failed, named, over_values

_METRICS = ("ar", "kl", "js", "best_layer")
_LISTS = ("ar", "kl", "js", "printed_ar")
_NO_RECORD = (
    "the model left no record of its attention; run this task with a model of lmms_vg (--model <family>_<method>) "
    "and without --use_cache"
)


def results(doc: Doc, _results: list[str]) -> dict[str, Any]:
    """Alignment of one question (paper, Section 2): metrics ar, kl, js and best_layer, with their values per layer."""
    record = journal.recall(doc["task"], doc["uid"])
    if record is not None and record.failure is not None:
        return failed(doc, record.failure, *_METRICS)
    try:
        version, layers = _measured(record)
    except ValueError as problem:
        return failed(doc, problem, *_METRICS)
    same = {"kl": layers["kl"], "rule": alignment.signature(version=version)}
    return {
        "ar": {"ar": layers["ar"], "printed_ar": layers["printed_ar"], "version": version, **same, **named(doc)},
        "kl": same,
        "js": {"js": layers["js"], **same},
        "best_layer": same,
        **counted(doc, 1),
    }


@over_values
def ar(items: list[Item]) -> float:
    """Mean AR at the layer of lowest mean KL; 1 is even attention. None if no question has a value."""
    return _mean_at_best_layer(items, "ar")


@over_values
def kl(items: list[Item]) -> float:
    """Mean KL(mask || attention) at its lowest layer, in nats. None if no question has a value."""
    return _mean_at_best_layer(items, "kl")


@over_values
def js(items: list[Item]) -> float:
    """Mean JS divergence at the layer of lowest mean KL, in nats. None if no question has a value."""
    return _mean_at_best_layer(items, "js")


@over_values
def best_layer(items: list[Item]) -> int:
    """Index from 0 of the layer of lowest mean KL, the first of equal ones. None if no question has a value."""
    return _best_layer(items)


def _measured(record: Record | None) -> tuple[int, dict[str, list[float]]]:
    """Version of the measurement, and one list of finite values per metric, one value per layer.

    Raises:
        ValueError: the record is missing, incomplete or wrong.
    """
    if record is None:
        raise ValueError(_NO_RECORD)
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
    return record.alignment.get("version", 1), lists  # records of version 1 do not state it


def _best_layer(items: list[Item]) -> int:
    """Index of the layer of lowest mean KL.

    Raises:
        ValueError: lists differ in length; one process asks one model, so this cannot happen in a run.
    """
    means = [fmean(column) for column in zip(*(item["kl"] for item in items), strict=True)]
    return means.index(min(means))


def _mean_at_best_layer(items: list[Item], name: str) -> float:
    layer = _best_layer(items)
    return fmean(item[name][layer] for item in items)
