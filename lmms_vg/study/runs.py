"""What a finished run says about every question, read back from what lmms-eval saved (``--output_path``, ``--log_samples``)."""

import json
import re
from pathlib import Path
from typing import Any

from lmms_vg.study.results import MEASURED, Line, Run, TaskRun, agreed, metric_of, partial, signed, task_run

_NAMED = 5  # of the other runs of a folder
_REMEDY = "Run the same command again with --log_samples; its answers are in the journal, so that asks nothing anew"


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
    tasks: dict[str, TaskRun] = {}
    measured: list[str] = []
    signatures: list[dict[str, Any]] = []
    in_part = False
    for task in (name for name in values if name in sizes):  # the others are groups
        lines = samples(path, task)
        try:
            metric = metric_of(lines[0])
            if metric is None and not means[task].keys() >= set(MEASURED):
                continue
            _check_number(path, task, len(lines), sizes[task], config.get("offset") or 0)
            if metric is None:
                measured.append(task)
            else:
                tasks[task] = task_run(_beside(path, task), task, metric, lines)
            in_part |= partial(lines)
            signatures += signed(lines)
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
    return Run(
        path,
        _model(config),
        _restricted(config, in_part),
        _chosen(folder, found[1:]),
        tasks,
        groups,
        measured,
        left_out,
        means,
        agreed(path, signatures),
    )


def _newest_first(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("[0-9]*_results.json"), key=lambda path: (path.name, path), reverse=True)
    if not found:
        raise ValueError(f"{folder}: no *_results.json under it; name the --output_path of a finished run")
    return found


def _chosen(folder: Path, others: list[Path]) -> list[str]:
    if not others:
        return []
    named = [f"{path} ({_model_of(path)})" for path in others[:_NAMED]]
    more = [f"and {len(others) - _NAMED} more"] if len(others) > _NAMED else []
    return [f"{len(others) + 1} runs are under {folder}; this is the newest. Others: {', '.join(named + more)}"]


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


def _restricted(config: dict[str, Any], in_part: bool) -> str:
    # lmms-eval takes a limit of -1 for none.
    reasons = [
        f"--{name} {_plain(config[name])}" for name in ("limit", "offset") if config.get(name) not in (None, 0, -1)
    ]
    if config.get("gen_kwargs"):  # another decoding than the protocol's
        reasons.append(f"--gen_kwargs {_plain(config['gen_kwargs'])}")
    return " and ".join([*reasons, *(["LMMS_VG_PARTIAL_DATA=1"] if in_part else [])])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={of_one}" for name, of_one in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def samples(path: Path, task: str) -> list[Line]:
    """What a run's samples file has of a task, a dict a document. Errors: ValueError if it is not there or cut short."""
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
