"""Submissions as values, made by hand: the result of a validation, without its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from saved_run import IDENTITY, spec

from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.submission.read_answers import READ, ReadAnswers
from lmms_vg.submission.schema import SCHEMA_VERSION, Card, Data, Declaration, Manifest, Provenance, Task
from lmms_vg.submission.validated import Entry, Scores

LOOKED = "alignment|geometry:true|rows:last"
RULES = {
    "bleu1": "bleu1|v:0",
    "acc": "closed|rule:made-up|v:0",
    "open_recall": "open_recall|v:0",
    "ar": LOOKED,
    "kl": LOOKED,
    "js": LOOKED,
}


PLAIN = spec("plain")


def entry(
    id: str,
    scores: Mapping[str, Sequence[float]],
    *,
    name: str = "Model-7B",
    parameters: float | None = 7.0,
    trained_on: Sequence[str] = (),
    protocol: str | None = "vgrefine",
    method: Mapping[str, Any] = PLAIN,
    metrics: Mapping[str, Mapping[str, Any]] | None = None,
    images: Mapping[str, Sequence[str]] | None = None,
    uids: Mapping[str, Sequence[str]] | None = None,
    questions: Mapping[str, str] | None = None,
    rules: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    further: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    read: Mapping[str, tuple[Sequence[str | None], Sequence[str]]] | None = None,
    arrival: int | None = None,
    declared: str = "",
    **run: Any,
) -> Entry:
    """Make an entry.

    Per task: further `metrics` of the manifest, `images` (by default one per question), `uids`, `questions` (their SHA-256),
    `rules`, `further` metrics with a value per question (by default those of `metrics` at every question), and what was `read`
    in the answers and in the references.

    Args:
        scores: task -> one value per question, NaN for a question without one.
        declared: name of a model that is not ours; empty for ours.
        run: fields of the provenance that differ.
    """
    made = {
        task: Scores(
            questions=(questions or {}).get(task, f"sha256-of-{task}-{len(values)}"),
            rule=(rules or {}).get(task, RULES[metric_of(task)]),
            metric=metric_of(task),
            uids=tuple((uids or {}).get(task, [f"{task}/{number}" for number in range(len(values))])),
            images=tuple((images or {}).get(task, [f"{task}/{number}.png" for number in range(len(values))])),
            values=np.array(values, dtype=np.float64),
            categories={},
            verified=True,
            further={
                metric: (RULES.get(metric, ""), np.array(row, dtype=np.float64))
                for metric, row in (
                    _alike((metrics or {}).get(task, {}), values) | dict((further or {}).get(task, {}))
                ).items()
            },
            read=_read(*read[task]) if read and task in read else None,
        )
        for task, values in scores.items()
    }
    tasks = {task: _task(task, one, protocol, (metrics or {}).get(task, {})) for task, one in made.items()}
    identity: dict[str, Any] = {
        "run": Provenance(**(RUN | run)).model_copy(update={"method": MethodSpec.model_construct(**method)})
    }
    if declared:
        identity = {
            "declared": Declaration(model="openai", name=declared, host=None, dates=["2026-01-01"], arguments={})
        }
    return Entry(
        id=id,
        manifest=Manifest(
            schema_version=SCHEMA_VERSION,
            protocol=protocol,  # type: ignore[arg-type]
            # Names and methods that the schema refuses must not break a page either.
            card=Card(name="x", parameters=parameters, trained_on=list(trained_on)).model_copy(update={"name": name}),
            **identity,
            seeds={"random_seed": 0},
            tasks=tasks,
            groups={},
        ),
        scores=made,
        notes=tuple(notes),
        arrival=arrival,
    )


RUN: dict[str, Any] = IDENTITY | {"diagnose": False}


def _read(said: Sequence[str | None], right: Sequence[str]) -> ReadAnswers:
    codes = (np.array([READ.index(text) for text in texts], dtype=np.uint8) for texts in (said, right))
    return ReadAnswers(*codes)


def _alike(metrics: Mapping[str, Any], values: Sequence[float]) -> dict[str, Sequence[float]]:
    return {
        name: [0 * value + mean for value in values] for name, mean in metrics.items() if name in ("kl", "js", "bleu1")
    }


def metric_of(task: str) -> str:
    if task.startswith("vgmed"):
        return "ar"
    return "open_recall" if task.endswith("_open") else "acc"


def _task(task: str, scores: Scores, protocol: str | None, metrics: Mapping[str, Any]) -> Task:
    return Task(
        protocol=None if metric_of(task) == "ar" else protocol,  # type: ignore[arg-type]
        asked=len(scores.values),
        n=int(np.isfinite(scores.values).sum()),
        questions=scores.questions,
        answers=f"sha256-of-answers-{task}",
        metrics={scores.metric: float(np.nanmean(scores.values)), **metrics},
        rules={scores.metric: scores.rule},
        decoding={},
        reference="",
        data=Data(name="demo", revision=None),
    )
