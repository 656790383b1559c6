"""Read a finished run from the files that lmms-eval saved (`--output_path`, `--log_samples`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lmms_vg._util.json_text import parse_json
from lmms_vg.runs.newest import newest_first
from lmms_vg.runs.results import MEASURED, Line, Run, TaskRun, metric_of
from lmms_vg.runs.task_lines import agreed, partial, rules, signed, task_run

_NAMED = 5  # other runs of a folder that a message names
_OTHER_SHAPE = (KeyError, TypeError, AttributeError, RecursionError)  # valid JSON of an unexpected shape
_REMEDY = "Run the same command again with --log_samples; its answers are in the journal, so no question is asked again"


def read_run(folder: Path) -> Run:
    """Read the newest run under `folder`, or the run of a `*_results.json`.

    Raises:
        ValueError: There is no run, samples are missing, cut short, or scored by several rules under one metric, or no task
            has scores of questions or measurements.
    """
    paths = [folder] if folder.is_file() else newest_first(folder)
    path = paths[0]
    try:
        results = parse_json(path.read_bytes())
        config, values, sizes = results["config"], results["results"], results["n-samples"]
        means = {name: _means(metrics) for name, metrics in values.items()}
        subtasks = {group: list(members) for group, members in results.get("group_subtasks", {}).items()}
        model = _model(config)
        names = [name for name in values if name in sizes]  # the others are groups
    except (ValueError, *_OTHER_SHAPE) as problem:
        raise ValueError(f"{path}: not a results file of lmms-eval ({type(problem).__name__}: {problem})") from problem
    tasks: dict[str, TaskRun] = {}
    measured: list[str] = []
    measured_rules: set[str] = set()
    measurements: dict[str, TaskRun] = {}
    signatures: list[dict[str, Any]] = []
    in_part = False
    for task in names:
        lines = samples(path, task)
        try:
            metric = metric_of(lines[0])
            if metric is None and not means[task].keys() >= set(MEASURED):
                continue
            _check_number(path, task, len(lines), sizes[task], config.get("offset") or 0)
            if metric is None:
                measured.append(task)
                measured_rules.update(rules(_beside(path, task), lines).values())
                if all("error" in line["ar"] or "about" in line["ar"] for line in lines):  # not of earlier versions
                    measurements[task] = task_run(_beside(path, task), task, "ar", lines)
            else:
                _check_scores(_beside(path, task), metric, lines)
                tasks[task] = task_run(_beside(path, task), task, metric, lines)
            in_part |= partial(lines)
            signatures += signed(lines)
        except _OTHER_SHAPE as problem:
            raise ValueError(
                f"{_beside(path, task)}: not as this version writes it ({type(problem).__name__}: {problem}). {_REMEDY}"
            ) from problem
    if not tasks and not measured:
        raise ValueError(f"{path}: none of its tasks, {', '.join(sizes)}, has scores of questions or measurements")
    groups = {
        group: members
        for group, members in subtasks.items()
        if len(members) > 1 and all(member in tasks for member in members)
    }
    left_out = [name for name in names if name not in tasks and name not in measured]
    return Run(
        path,
        model,
        _restricted(config, in_part),
        _chosen(folder, paths[1:]),
        tasks,
        groups,
        measured,
        left_out,
        means,
        agreed(path, signatures),
        measured_rules=frozenset(measured_rules),
        measurements=measurements,
    )


def _chosen(folder: Path, others: list[Path]) -> list[str]:
    if not others:
        return []
    named = [f"{path} ({_model_of(path)})" for path in others[:_NAMED]]
    more = [f"and {len(others) - _NAMED} more"] if len(others) > _NAMED else []
    return [f"{len(others) + 1} runs are under {folder}; this is the newest. Others: {', '.join(named + more)}"]


def _model_of(path: Path) -> str:
    try:
        return _model(parse_json(path.read_bytes())["config"])
    except (ValueError, *_OTHER_SHAPE):
        return "not a results file of lmms-eval"


def _model(config: dict[str, Any]) -> str:
    """Model and arguments on one line; paths are reduced to their last part."""
    arguments = re.sub(r"=[~./][^,]*/(?=[^,/])", "=", str(config.get("model_args") or ""))
    return " ".join(f"{config.get('model')} ({arguments})".removesuffix(" ()").split())


def _means(values: dict[str, Any]) -> dict[str, Any]:
    return {key.removesuffix(",none"): value for key, value in values.items() if key.endswith(",none")}


def _restricted(config: dict[str, Any], in_part: bool) -> str:
    # lmms-eval treats a limit of -1 as no limit.
    reasons = [
        f"--{name} {_plain(config[name])}" for name in ("limit", "offset") if config.get(name) not in (None, 0, -1)
    ]
    if config.get("gen_kwargs"):  # decoding differs from the protocol
        reasons.append(f"--gen_kwargs {_plain(config['gen_kwargs'])}")
    return " and ".join([*reasons, *(["LMMS_VG_PARTIAL_DATA=1"] if in_part else [])])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={setting}" for name, setting in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def samples(path: Path, task: str) -> list[Line]:
    """Read a run's samples file of a task, one dict per document.

    Raises:
        ValueError: The file is missing or cut short.
    """
    samples = _beside(path, task)
    if not samples.is_file():
        raise ValueError(f"{path}: no samples of {task} beside it. {_REMEDY}")
    lines = []
    with samples.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                lines.append(parse_json(line))
            except ValueError as problem:
                raise ValueError(f"{samples}, line {number}: {problem}. {_REMEDY}") from problem
    return lines or [{}]


def _check_scores(samples: Path, metric: str, lines: list[Line]) -> None:
    """Refuse values that are no scores: their mean would still be a number."""
    for number, line in enumerate(lines, start=1):
        item = line[metric]
        if "error" not in item and not (isinstance(item["score"], int | float) and 0 <= item["score"] <= 1):
            raise ValueError(
                f"{samples}, line {number}: {metric} of {item['uid']} is {str(item['score'])[:80]}, but a score is a "
                f"number from 0 to 1. {_REMEDY}"
            )


def _beside(path: Path, task: str) -> Path:
    return path.with_name(f"{path.name.removesuffix('_results.json')}_samples_{task}.jsonl")


def _check_number(path: Path, task: str, number: int, size: dict[str, int], offset: int) -> None:
    """Refuse incomplete samples: lmms-eval writes them after the results, so a killed run leaves only some."""
    expected = min(size["effective"], size["original"] - offset)
    if number != expected:
        raise ValueError(f"{_beside(path, task)}: {number} questions, but the run had {expected}. {_REMEDY}")
