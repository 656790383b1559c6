"""Score answers again, outside lmms-eval, with the `process_results` and aggregations of the task's YAML.

It builds the same lines that lmms-eval would have saved, document by document, so both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from loguru import logger

from lmms_vg import journal
from lmms_vg.journal import Record
from lmms_vg.tasks.metric_items import Doc
from lmms_vg.tasks.yaml_files import definition

Line = dict[str, Any]

#: Metrics whose aggregation writes a file.
WRITES = frozenset({"submission"})

#: Metrics whose aggregation loads a language model.
NEEDS_MODEL = frozenset({"bertscore", "average"})


def score(task: str, answered: Iterable[tuple[Doc, Record]]) -> Iterator[Line]:
    """Yield a line of the samples file per document, with the fields that `runs` reads; thinking is removed as in lmms-eval."""
    from lmms_eval.api.reasoning import strip_reasoning_tags  # late: reading our tasks does not need lmms-eval

    config = definition(task)
    for doc, record in answered:
        text = strip_reasoning_tags(record.text, config["reasoning_tags"])
        with journal.scoring(record):
            results = config["process_results"](doc, [text])
        asked = {"input": config["doc_to_text"](doc), "target": doc[config["doc_to_target"]]}
        yield {**results, **asked, "filtered_resps": text}


def means(task: str, lines: list[Line], without: Collection[str] = NEEDS_MODEL) -> Iterator[tuple[str, Any]]:
    """Metric -> value as the task aggregates it, without metrics that have no value or write files."""
    for metric in definition(task)["metric_list"]:
        name = metric["metric"]
        items = [line[name] for line in lines]
        failed = all(isinstance(item, dict) and "error" in item for item in items)
        if name not in without and name not in WRITES and not failed:
            with _unlogged():
                value = metric["aggregation"](items)
            yield name, value


def group_means(group: str, values: dict[str, dict[str, Any]], sizes: dict[str, int]) -> dict[str, float]:
    """Metric -> mean of a group over its members' values.

    Members are weighted by their number of questions as lmms-eval does, or by the group's own function.

    Raises:
        KeyError: a member has no value or no size.
    """
    config = definition(group)
    means = {}
    for metric in config.get("aggregate_metric_list", ()):
        numbers = [values[task][metric["metric"]] for task in config["task"]]
        counts = [sizes[task] for task in config["task"]]
        by_size = metric.get("weight_by_size", True)
        weights = counts if by_size else [1] * len(counts)
        means[metric["metric"]] = (
            metric["aggregation"](numbers, counts, by_size)
            if callable(metric["aggregation"])
            else sum(number * weight for number, weight in zip(numbers, weights, strict=True)) / sum(weights)
        )
    return means


@contextmanager
def _unlogged() -> Iterator[None]:
    """Silence the log of the aggregations (categories, failures); the caller prints what it needs."""
    logger.disable("lmms_vg.tasks")
    try:
        yield
    finally:
        logger.enable("lmms_vg.tasks")
