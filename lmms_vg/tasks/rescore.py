"""Answers scored anew, outside lmms-eval, each by the ``process_results`` and aggregations of its task's YAML.

Here is made, document by document, what lmms-eval would have saved, so that both give the same numbers.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from loguru import logger

from lmms_vg import journal
from lmms_vg.journal import Record
from lmms_vg.tasks.metric_items import Doc
from lmms_vg.tasks.yaml_files import definition

Line = dict[str, Any]

WRITES = frozenset({"submission"})
"""Metrics whose aggregation writes a file."""

NEEDS_MODEL = frozenset({"bertscore", "average"})
"""Metrics whose aggregation loads a language model."""


def score(task: str, answered: Iterable[tuple[Doc, Record]]) -> Iterator[Line]:
    """A line of the samples file a document, as far as ``study`` reads it; thinking is cut out as lmms-eval does."""
    from lmms_eval.api.reasoning import strip_reasoning_tags  # late: lmms-eval is no part of reading our tasks

    config = definition(task)
    for doc, record in answered:
        with journal.scoring(record):
            results = config["process_results"](doc, [strip_reasoning_tags(record.text, config["reasoning_tags"])])
        yield {**results, "input": config["doc_to_text"](doc), "target": doc[config["doc_to_target"]]}


def means(task: str, lines: list[Line], without: Collection[str] = NEEDS_MODEL) -> Iterator[tuple[str, Any]]:
    """Metric -> value, as the task aggregates it; metrics without any value, and those that write files, are left out."""
    for metric in definition(task)["metric_list"]:
        name = metric["metric"]
        items = [line[name] for line in lines]
        failed = all(isinstance(item, dict) and "error" in item for item in items)
        if name not in without and name not in WRITES and not failed:
            with _unlogged():
                value = metric["aggregation"](items)
            yield name, value


def group_means(group: str, values: dict[str, dict[str, Any]], sizes: dict[str, int]) -> dict[str, float]:
    """Metric -> a group's mean over its members' values, weighed as lmms-eval does by questions asked, or by its own function.

    Errors: KeyError if a member has no value or no size.
    """
    config = definition(group)
    made = {}
    for one in config.get("aggregate_metric_list", ()):
        numbers = [values[task][one["metric"]] for task in config["task"]]
        counts = [sizes[task] for task in config["task"]]
        by_size = one.get("weight_by_size", True)
        weights = counts if by_size else [1] * len(counts)
        made[one["metric"]] = (
            one["aggregation"](numbers, counts, by_size)
            if callable(one["aggregation"])
            else sum(number * weight for number, weight in zip(numbers, weights, strict=True)) / sum(weights)
        )
    return made


@contextmanager
def _unlogged() -> Iterator[None]:
    """The end of a run logs every category of its accuracy, and what failed; whoever scores again prints what is wanted."""
    logger.disable("lmms_vg.tasks")
    try:
        yield
    finally:
        logger.enable("lmms_vg.tasks")
