"""What a finished run says about every question, read back from what lmms-eval saved (``--output_path``, ``--log_samples``)."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCORED = ("acc", "open_recall")
"""Metrics whose items name their question: the one a task is reported and compared by."""

_REMEDY = "Run the same command again with --log_samples; its answers are in the journal, so that asks nothing anew"


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
    """One run. ``restricted`` says why its numbers do not stand for their benchmarks (``--limit``), empty if they do.

    ``model`` is the model's name and arguments: runs of one model may differ in the arguments alone.
    """

    path: Path
    model: str
    restricted: str
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


def read_run(folder: Path) -> Run:
    """The newest run under ``folder``, or the one of a ``*_results.json``.

    Errors: ValueError if there is none, if samples are missing or cut short, or if no task of it has scores of questions.
    """
    path = folder if folder.is_file() else _newest(folder)
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        config, values, sizes = results["config"], results["results"], results["n-samples"]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path}: not a results file of lmms-eval ({type(problem).__name__}: {problem})") from problem
    tasks, partial = {}, False
    for task in (name for name in values if name in sizes):  # the others are groups
        lines = _samples(path, task)
        metric = next((name for name in SCORED if _is_ours(lines[0], name)), None)
        if metric is not None:
            _check_number(path, task, len(lines), sizes[task], config.get("offset") or 0)
            tasks[task] = _task(task, metric, lines, values[task])
            partial |= any("partial" in line["n"] for line in lines)
    if not tasks:
        raise ValueError(f"{path}: none of its tasks, {', '.join(sizes)}, has scores of questions")
    groups = {
        group: members
        for group, members in results.get("group_subtasks", {}).items()
        if len(members) > 1 and all(member in tasks for member in members)
    }
    return Run(path, _model(config), _restricted(config, partial), tasks, groups)


def _newest(folder: Path) -> Path:
    found = sorted(folder.rglob("[0-9]*_results.json"), key=lambda path: (path.name, path))
    if not found:
        raise ValueError(f"{folder}: no *_results.json under it; name the --output_path of a finished run")
    return found[-1]


def _model(config: dict[str, Any]) -> str:
    """Of files and folders only their names."""
    arguments = re.sub(r"=[~./][^,]*/(?=[^,/])", "=", str(config.get("model_args") or ""))
    return f"{config.get('model')} ({arguments})" if arguments else str(config.get("model"))


def _restricted(config: dict[str, Any], partial: bool) -> str:
    # lmms-eval takes a limit of -1 for none.
    reasons = [f"--{name} {config[name]:g}" for name in ("limit", "offset") if config.get(name) not in (None, 0, -1)]
    return " and ".join([*reasons, *(["LMMS_VG_PARTIAL_DATA=1"] if partial else [])])


def _samples(path: Path, task: str) -> list[dict[str, Any]]:
    samples = _beside(path, task)
    if not samples.is_file():
        raise ValueError(f"{path}: no samples of {task} beside it. {_REMEDY}")
    lines = []
    with samples.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                lines.append(json.loads(line))
            except ValueError as problem:
                raise ValueError(f"{samples}, line {number}: not JSON ({problem}). {_REMEDY}") from problem
    return lines or [{}]


def _beside(path: Path, task: str) -> Path:
    return path.with_name(f"{path.name.removesuffix('_results.json')}_samples_{task}.jsonl")


def _check_number(path: Path, task: str, found: int, size: dict[str, int], offset: int) -> None:
    """lmms-eval writes samples after the results, one by one: a killed run leaves some of them."""
    expected = min(size["effective"], size["original"] - offset)
    if found != expected:
        raise ValueError(f"{_beside(path, task)}: {found} questions, but the run had {expected}. {_REMEDY}")


def _is_ours(line: dict[str, Any], metric: str) -> bool:
    """Other tasks have metrics of the same names, whose items do not say which question they are of."""
    item = line.get(metric)
    return isinstance(item, dict) and "uid" in item


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
        unparseable=sum("unparseable" in line and line["unparseable"].get("unparseable", False) for line in lines),
        means={key.removesuffix(",none"): value for key, value in values.items() if key.endswith(",none")},
    )
