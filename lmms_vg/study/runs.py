"""What a finished run says about every question, read back from what lmms-eval saved (``--output_path``, ``--log_samples``)."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCORED = ("acc", "open_recall")
"""Metrics whose items name their question: the one a task is reported and compared by."""

MEASURED = ("ar", "kl", "js", "best_layer")
"""Metrics of the tasks that measure where a model looked."""

_NAMED = 5  # of the other runs of a folder
_REMEDY = "Run the same command again with --log_samples; its answers are in the journal, so that asks nothing anew"


@dataclass(frozen=True)
class TaskRun:
    """Scores of one task, uid -> value from 0 to 1; what failed is not in ``scores`` but in ``failed``, uid -> error.

    ``rules`` are the signatures of all its metrics, as far as their items have one.
    """

    task: str
    metric: str
    rules: dict[str, str]
    scores: dict[str, float]
    images: dict[str, str]
    about: dict[str, dict[str, str]]
    failed: dict[str, str]
    unparseable: int

    @property
    def rule(self) -> str:
        """The signature of ``metric``; empty where all questions failed."""
        return self.rules.get(self.metric, "")

    @property
    def axes(self) -> list[str]:
        """What its questions can be broken down by."""
        return list(dict.fromkeys(axis for about in self.about.values() for axis in about))


@dataclass(frozen=True)
class Run:
    """One run. ``restricted`` says why its numbers do not stand for their benchmarks (``--limit``), empty if they do.

    ``model`` is the model's name and arguments: runs of one model may differ in the arguments alone. ``chosen`` says from
    which runs of a folder it was taken, empty if there was no choice. ``measured`` are tasks that measure where a model
    looked, ``left_out`` those of neither kind. ``means``: task or group -> metric -> value, as lmms-eval aggregated it.
    """

    path: Path
    model: str
    restricted: str
    chosen: str = ""
    tasks: dict[str, TaskRun] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    measured: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    means: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_run(folder: Path) -> Run:
    """The newest run under ``folder``, or the one of a ``*_results.json``.

    Errors: ValueError if there is none, if samples are missing, cut short, or scored by several rules under one metric, or
    if no task of it has scores of questions or measurements.
    """
    found = [folder] if folder.is_file() else _newest_first(folder)
    path = found[0]
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        config, values, sizes = results["config"], results["results"], results["n-samples"]
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path}: not a results file of lmms-eval ({type(problem).__name__}: {problem})") from problem
    means = {name: _means(of_one) for name, of_one in values.items()}
    tasks, measured, partial = {}, [], False
    for task in (name for name in values if name in sizes):  # the others are groups
        lines = _samples(path, task)
        try:
            metric = next((name for name in SCORED if _is_ours(lines[0], name)), None)
            if metric is None and not means[task].keys() >= set(MEASURED):
                continue
            _check_number(path, task, len(lines), sizes[task], config.get("offset") or 0)
            if metric is None:
                measured.append(task)
            else:
                tasks[task] = _task(path, task, metric, lines)
            partial |= any("partial" in line["n"] for line in lines)
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(
                f"{_beside(path, task)}: not as this version writes it ({type(problem).__name__}: {problem}). {_REMEDY}"
            ) from problem
    if not tasks and not measured:
        raise ValueError(f"{path}: none of its tasks, {', '.join(sizes)}, has scores of questions or measurements")
    groups = {
        group: members
        for group, members in results.get("group_subtasks", {}).items()
        if len(members) > 1 and all(member in tasks for member in members)
    }
    left_out = [name for name in values if name in sizes and name not in tasks and name not in measured]
    restricted, chosen = _restricted(config, partial), _chosen(folder, found[1:])
    return Run(path, _model(config), restricted, chosen, tasks, groups, measured, left_out, means)


def _newest_first(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("[0-9]*_results.json"), key=lambda path: (path.name, path), reverse=True)
    if not found:
        raise ValueError(f"{folder}: no *_results.json under it; name the --output_path of a finished run")
    return found


def _chosen(folder: Path, others: list[Path]) -> str:
    if not others:
        return ""
    named = [f"{path} ({_model_of(path)})" for path in others[:_NAMED]]
    more = [f"and {len(others) - _NAMED} more"] if len(others) > _NAMED else []
    return f"{len(others) + 1} runs are under {folder}; this is the newest. Others: {', '.join(named + more)}"


def _model_of(path: Path) -> str:
    try:
        return _model(json.loads(path.read_text(encoding="utf-8"))["config"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "not a results file of lmms-eval"


def _model(config: dict[str, Any]) -> str:
    """On one line, and of files and folders only their names."""
    arguments = re.sub(r"=[~./][^,]*/(?=[^,/])", "=", str(config.get("model_args") or ""))
    return " ".join(f"{config.get('model')} ({arguments})".removesuffix(" ()").split())


def _means(values: dict[str, Any]) -> dict[str, Any]:
    return {key.removesuffix(",none"): value for key, value in values.items() if key.endswith(",none")}


def _restricted(config: dict[str, Any], partial: bool) -> str:
    # lmms-eval takes a limit of -1 for none.
    reasons = [
        f"--{name} {_plain(config[name])}" for name in ("limit", "offset") if config.get(name) not in (None, 0, -1)
    ]
    if config.get("gen_kwargs"):  # another decoding than the protocol's
        reasons.append(f"--gen_kwargs {_plain(config['gen_kwargs'])}")
    return " and ".join([*reasons, *(["LMMS_VG_PARTIAL_DATA=1"] if partial else [])])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={of_one}" for name, of_one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


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


def _task(path: Path, task: str, metric: str, lines: list[dict[str, Any]]) -> TaskRun:
    items = [line[metric] for line in lines]
    twice = [uid for uid, times in Counter(item["uid"] for item in items).items() if times > 1]
    if twice:
        raise ValueError(
            f"{_beside(path, task)}: {len(twice)} questions stand there twice, the first is {twice[0]}. {_REMEDY}"
        )
    good = [item for item in items if "error" not in item]
    return TaskRun(
        task=task,
        metric=metric,
        rules=_rules(path, task, lines),
        scores={item["uid"]: item["score"] for item in good},
        images={item["uid"]: item["image"] for item in good},
        about={item["uid"]: item["about"] for item in good},
        failed={item["uid"]: item["error"] for item in items if "error" in item},
        unparseable=sum("unparseable" in line and line["unparseable"].get("unparseable", False) for line in lines),
    )


def _rules(path: Path, task: str, lines: list[dict[str, Any]]) -> dict[str, str]:
    """A mean over items of several rules would be a number of neither."""
    found: dict[str, str] = {}
    for line in lines:
        for metric, item in line.items():
            if isinstance(item, dict) and "rule" in item and found.setdefault(metric, item["rule"]) != item["rule"]:
                raise ValueError(
                    f"{_beside(path, task)}: {metric} is scored by {found[metric]} and by {item['rule']}; one run has one rule"
                )
    return found
