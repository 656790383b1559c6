"""What a finished run says about every question, read back from what lmms-eval saved (``--output_path``, ``--log_samples``)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCORED = ("acc", "open_recall")
"""Metrics whose items name their question: the one a task is reported and compared by."""


@dataclass(frozen=True)
class TaskRun:
    """Scores of one task, uid -> value from 0 to 1; what failed is not in ``scores`` but in ``failed``, uid -> error.

    ``means`` are the other metrics as lmms-eval aggregated them; ``rule`` is the metric's signature.
    """

    task: str
    metric: str
    rule: str
    scores: dict[str, float]
    images: dict[str, str]
    about: dict[str, dict[str, str]]
    failed: dict[str, str]
    unparseable: int
    means: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        """What its questions can be broken down by."""
        return list(dict.fromkeys(axis for about in self.about.values() for axis in about))


@dataclass(frozen=True)
class Run:
    """One run. ``restricted`` says why its numbers do not stand for their benchmarks (``--limit``), empty if they do."""

    path: Path
    model: str
    restricted: str
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


def read_run(folder: Path) -> Run:
    """The newest run under ``folder``, or the one of a ``*_results.json``.

    Errors: ValueError if there is none, if its samples are missing, or if no task of it has scores of questions.
    """
    path = folder if folder.is_file() else _newest(folder)
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        config, values = results["config"], results["results"]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path}: not a results file of lmms-eval ({type(problem).__name__}: {problem})") from problem
    stamp = path.name.removesuffix("_results.json")
    tasks, partial = {}, False
    for task in values:
        samples = path.with_name(f"{stamp}_samples_{task}.jsonl")
        if not samples.is_file():
            continue
        lines = list(_lines(samples))
        partial |= any(line.get("n", {}).get("partial") for line in lines)
        metric = next((name for name in SCORED if lines and name in lines[0]), None)
        if metric is not None:
            tasks[task] = _task(task, metric, lines, values[task])
    if not tasks:
        raise ValueError(
            f"{path}: no samples of a scored task beside it. Run the same command again with --log_samples; "
            "its answers are in the journal, so that asks nothing anew"
        )
    groups = {
        group: leaves
        for group, members in results.get("group_subtasks", {}).items()
        if len(leaves := [task for task in members if task in tasks]) == len(members) > 1
    }
    return Run(path, str(config.get("model", "")), _restricted(config, partial), tasks, groups)


def _newest(folder: Path) -> Path:
    found = sorted(folder.rglob("*_results.json"), key=lambda path: path.name)
    if not found:
        raise ValueError(f"{folder}: no *_results.json under it; name the --output_path of a finished run")
    return found[-1]


def _restricted(config: dict[str, Any], partial: bool) -> str:
    reasons = [f"--{name} {config[name]}" for name in ("limit", "offset") if config.get(name)]
    return " and ".join([*reasons, *(["LMMS_VG_PARTIAL_DATA=1"] if partial else [])])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except ValueError as problem:
                raise ValueError(f"{path}, line {number}: not JSON ({problem}); was the run cut short?") from problem


def _task(task: str, metric: str, lines: list[dict[str, Any]], values: dict[str, Any]) -> TaskRun:
    items = [line[metric] for line in lines]
    good = [item for item in items if "error" not in item]
    return TaskRun(
        task=task,
        metric=metric,
        rule=good[0]["rule"] if good else "",
        scores={item["uid"]: item["score"] for item in good},
        images={item["uid"]: item["image"] for item in good},
        about={item["uid"]: item["about"] for item in good},
        failed={item["uid"]: item["error"] for item in items if "error" in item},
        unparseable=sum(bool(line.get("unparseable", {}).get("unparseable")) for line in lines),
        means={key.removesuffix(",none"): value for key, value in values.items() if key.endswith(",none")},
    )
