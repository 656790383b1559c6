"""Results as the metadata of a Hugging Face model card: `model-index`, one result per task and metric.

The hub shows a number with its metric's name, so that name states the method, the number of questions and the rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks.registry import TASKS

#: Metrics that are no results of their own: every other result states them.
_BESIDE = frozenset({"n", "answered"})

#: Metrics that the hub computes in the same way, but under another name.
_HUB = {"acc": "accuracy"}


def write(bundle: Path, entry: Entry, out: Path) -> None:
    """Write a new file: the front matter of a README.md.

    Raises:
        ValueError: `out` exists, or no task has public reference answers.
    """
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
                dataset_config=task,  # the hub joins results of equal type, config, split and revision to one data set
                dataset_split="+".join(splits),
                dataset_revision=stated.data.revision,
                dataset_args={"protocol": stated.protocol, "questions_sha256": stated.questions},
                metric_type=_HUB.get(metric, metric),
                metric_name=f"{metric}{_with(entry)}, n={stated.n}, {rule}",
                metric_value=int(value) if metric == "best_layer" else value,
                metric_args={
                    **_identity(entry),
                    "n": stated.n,
                    "asked": stated.asked,
                    "rule": rule,
                },
            )


def _averages(entry: Entry) -> Iterator[EvalResult]:
    """Yield averages of groups, each in its own weighting, under the group's name: the hub has no data set for them."""
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
                metric_name=f"{metric}{_with(entry)}, n={n}, {rules}",
                metric_value=value,
                metric_args={**_identity(entry), "n": n, "rule": rules},
            )


def _with(entry: Entry) -> str:
    return f" with {entry.method}" if entry.method else ""


def _identity(entry: Entry) -> dict[str, Any]:
    """Return what a number's reader has to know of the run: its method, or that its model is the submitter's word."""
    if entry.manifest.declared is not None:
        return {"declared": entry.manifest.declared.model_dump()}
    control = {"control": entry.run.control} if entry.run.control else {}
    return {"method": entry.run.method.model_dump(), **control}
