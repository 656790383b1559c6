"""Results as the metadata of a Hugging Face model card: ``model-index``, one result a task and metric.

A number there is shown with its metric's name, so that name says by which method, over how many questions and by which rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import TASKS

_BESIDE = frozenset({"n", "answered"})
"""No results of their own: they stand beside every other."""

_HUB = {"acc": "accuracy"}
"""Metrics that the hub knows by another name and computes alike."""


def write(bundle: Path, entry: Entry, out: Path) -> None:
    """A new file: the front matter of a README.md. Errors: ValueError, also if no task has public reference answers."""
    check_new(out)
    results = [*_results(bundle, entry), *_averages(entry)]
    if not results:
        raise ValueError(f"{bundle}: none of its tasks, {', '.join(entry.manifest.tasks)}, is scored here")
    card = ModelCardData(model_name=entry.manifest.card.name, eval_results=results)
    write_new(out, f"---\n{card.to_yaml()}\n---\n")


def _results(bundle: Path, entry: Entry) -> Iterator[EvalResult]:
    for task, scores in sorted(entry.scores.items()):
        stated, spec = entry.manifest.tasks[task], TASKS[task].spec
        splits = dict.fromkeys(question.split for question, _ in pairs(bundle, task))
        for metric, value in sorted(stated.metrics.items()):
            if metric in _BESIDE or not isinstance(value, float):  # None: BERTScore without its model
                continue
            rule = stated.rules.get(metric, scores.rule)
            yield EvalResult(
                task_type="visual-question-answering",
                dataset_type=spec.hub_id or spec.name,
                dataset_name=f"{task}, {stated.asked} questions",
                dataset_config=task,  # results of one type, config, split and revision become one data set's
                dataset_split="+".join(splits),
                dataset_revision=stated.data.revision,
                dataset_args={"protocol": stated.protocol, "questions_sha256": stated.questions},
                metric_type=_HUB.get(metric, metric),
                metric_name=f"{metric} with {entry.method}, n={stated.n}, {rule}",
                metric_value=int(value) if metric == "best_layer" else value,
                metric_args={
                    "method": entry.manifest.run.method.model_dump(),
                    "n": stated.n,
                    "asked": stated.asked,
                    "rule": rule,
                },
            )


def _averages(entry: Entry) -> Iterator[EvalResult]:
    """Of groups, each in its own weighting: a data set of its own name, since the hub has none for it."""
    tasks = entry.manifest.tasks
    for name, group in sorted(entry.manifest.groups.items()):
        n = sum(tasks[task].n for task in group.members)
        for metric, value in sorted(group.metrics.items()):
            rules = ", ".join(
                sorted({tasks[task].rules[metric] for task in group.members if metric in tasks[task].rules})
            )
            yield EvalResult(
                task_type="visual-question-answering",
                dataset_type=name,
                dataset_name=f"{name}: {', '.join(group.members)}",
                dataset_config=name,
                metric_type=_HUB.get(metric, metric),
                metric_name=f"{metric} with {entry.method}, n={n}, {rules}",
                metric_value=value,
                metric_args={"method": entry.manifest.run.method.model_dump(), "n": n, "rule": rules},
            )
