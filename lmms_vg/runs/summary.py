"""The answer of a run in twelve lines: scores and where it looked beside chance, what was asked, and what to type next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.runs.grounding import Grounding, LookStrength, corrected, grounding
from lmms_vg.runs.map_looks import Name
from lmms_vg.runs.results import Run, TaskRun
from lmms_vg.runs.text_tables import aligned

LINES, WIDTH = 12, 100

#: Measures of attention that a summary shows; the report has all.
_SHOWN: tuple[Name, ...] = ("placement", "log AR")

#: Up to so many methods are columns; more are rows.
_COLUMNS = 3


class Effort(NamedTuple):
    """Questions, time and memory that a command has taken.

    Attributes:
        asked: number of questions, over all methods.
        from_journal: how many of them had an answer already.
        failed: method -> number of failed questions, without methods that have none.
        wall: seconds from the start of the command.
        seconds: stage -> seconds, over all ranks.
        scoring: seconds that lmms-eval scored and saved on the first rank.
        peak_bytes: most memory in use by one rank.
    """

    asked: int
    from_journal: int
    failed: Mapping[str, int]
    wall: float
    seconds: Mapping[str, float]
    scoring: float
    peak_bytes: int


class _Measure(NamedTuple):
    """One row of values: what it is called, the numbers of questions, and label of a run -> value."""

    name: str
    n: set[int]
    values: dict[str, str]


def summary(runs: Mapping[str, Run], effort: Effort | None, folder: Path, commands: Sequence[str]) -> list[str]:
    """Return at most twelve lines; all but paths and commands are at most 100 columns wide.

    Args:
        runs: label -> finished run, of one model on the same tasks.
        effort: what the command has taken; None if that is not known, as for models that are not ours.
        folder: where the results are.
        commands: what to type next.
    """
    notes = [shortened(note) for note in _notes(runs)][:3]
    end = [*(_effort(effort) if effort else []), f"results: {folder}", *(f"next: {command}" for command in commands)]
    measures = list(_measures(runs))
    room = LINES - len(notes) - len(end) - 1  # the title
    return [_title(runs), *_table(measures, list(runs), room), *notes, *end]


def shortened(text: str) -> str:
    """Return text on one line of at most 100 columns."""
    return textwrap.shorten(text, WIDTH, placeholder=" ...")


def _title(runs: Mapping[str, Run]) -> str:
    models = ", ".join(dict.fromkeys(_model(run) for run in runs.values()))
    return shortened(f"{models}: % [95% interval]; where it looked: value vs chance, and the verdict")


def _model(run: Run) -> str:
    if run.provenance is None:
        return run.model
    pretrained = str(dict(run.provenance.get("settings") or {}).get("pretrained") or "")
    return f"{run.provenance.get('family')} {Path(pretrained).name}".strip()


def _table(measures: Sequence[_Measure], labels: Sequence[str], room: int) -> list[str]:
    """Return the values in at most `room` lines, and how many had no room; methods are rows if they are many."""
    if len(labels) <= _COLUMNS:
        head, fixed = [["", "n", *labels]], 2
        body = [[entry.name, _span(entry.n), *(entry.values.get(label, "-") for label in labels)] for entry in measures]
    else:
        head, fixed = [["", *(entry.name for entry in measures)], ["n", *(_span(entry.n) for entry in measures)]], 1
        body = [[label, *(entry.values.get(label, "-") for entry in measures)] for label in labels]
    columns, space = _columns([*head, *body]), room - len(head)
    whole = columns == len(head[0]) and len(body) <= space
    kept = body if whole else body[: space - 1]
    lines = aligned([row[:columns] for row in [*head, *kept]])
    if whole:
        return lines
    hidden = len(measures) * len(labels) - len(kept) * (columns - fixed)
    return [*lines, f"... and {hidden} more values: lmms-vg report"]


def _columns(rows: Sequence[Sequence[str]]) -> int:
    """Return how many columns fit, at least three."""
    columns = len(rows[0])
    while columns > 3 and max(map(len, aligned([row[:columns] for row in rows]))) > WIDTH:
        columns -= 1
    return columns


def _span(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def _measures(runs: Mapping[str, Run]) -> Iterator[_Measure]:
    """Yield groups and the tasks in no group, then where it looked, then the tasks of groups."""
    groups = {name: members for run in runs.values() for name, members in run.groups.items()}
    tasks = list(dict.fromkeys(task for run in runs.values() for task in run.tasks))
    inside = {task for members in groups.values() for task in members}
    for name, members in [*groups.items(), *((task, [task]) for task in tasks if task not in inside)]:
        yield from _scored(name, members, runs)
    yield from _looked(runs)
    for task in tasks:
        if task in inside:
            yield from _scored(f" {task}", [task], runs)


def _scored(name: str, members: Sequence[str], runs: Mapping[str, Run]) -> Iterator[_Measure]:
    parts = {label: [run.tasks[task] for task in members if task in run.tasks] for label, run in runs.items()}
    metrics = {part.metric for of_run in parts.values() for part in of_run}
    cells = {label: _score(of_run) for label, of_run in parts.items() if any(part.scores for part in of_run)}
    n = {sum(len(part.scores) for part in parts[label]) for label in cells}
    if len(metrics) == 1 and cells:
        yield _Measure(f"{name} {metrics.pop()}", n, cells)


def _score(parts: Sequence[TaskRun]) -> str:
    scores = [score for part in parts for score in part.scores.values()]
    interval = cluster_interval(scores, [part.images[uid] for part in parts for uid in part.scores])
    ends = "one image" if isnan(interval.low) else f"{100 * interval.low:.1f}, {100 * interval.high:.1f}"
    return f"{100 * fmean(scores):.1f} [{ends}]"


def _looked(runs: Mapping[str, Run]) -> Iterator[_Measure]:
    judged = {label: _judged(run) for label, run in runs.items()}
    for task in dict.fromkeys(task for results in judged.values() for task in results):
        for name in _SHOWN:
            cells, n = {}, set()
            for label, results in judged.items():
                if task in results and name in results[task].looked:
                    strength = results[task].looked[name]
                    verdict = results[task].verdicts(corrected(results)[task])[name]
                    cells[label] = f"{strength.value:.2f} vs {_chance(strength)}, {verdict}"
                    n.add(strength.n)
            if cells:
                yield _Measure(f"{task} {name}", n, cells)


def _chance(strength: LookStrength) -> str:
    """Return the level of maps of other images; where there are too few of them, the level of even attention."""
    return f"{strength.even:.2f} (even)" if isnan(strength.level) else f"{strength.level:.2f}"


def _judged(run: Run) -> dict[str, Grounding]:
    results = grounding(run, dict.fromkeys(run.measured))
    return {task: result for task, result in results.items() if isinstance(result, Grounding)}


def _notes(runs: Mapping[str, Run]) -> Iterator[str]:
    """Yield what keeps the numbers from being a result."""
    for reason in dict.fromkeys(run.restricted for run in runs.values() if run.restricted):
        yield f"restricted by {reason}: these numbers do not stand for their benchmarks"
    for control in dict.fromkeys(run.control for run in runs.values() if run.control):
        yield f"control {control}: every question was changed before it was asked"
    for kind in dict.fromkeys(run.quantized for run in runs.values() if run.quantized):
        yield f"quantised weights: {kind}"
    for label, run in runs.items():
        if run.leak:
            yield f"leak: {label}: {run.leak}"


def _effort(effort: Effort) -> list[str]:
    failed = ", ".join(f"{number:,} of {method}" for method, number in effort.failed.items()) or "0"
    asked = f"asked {effort.asked:,}, from journal {effort.from_journal:,}, failed {failed}"
    total = sum(effort.seconds.values()) or 1
    stages = sorted(effort.seconds.items(), key=lambda pair: -pair[1])
    shares = [f"{name} {seconds / total:.0%}" for name, seconds in stages if seconds / total >= 0.005]
    for shown in range(len(shares), -1, -1):  # as many of the longest as fit
        parts = f"answering {_time(total)} ({', '.join(shares[:shown])}{', ...' * (shown < len(shares))})"
        end = f"scoring {_time(effort.scoring)}; {effort.peak_bytes / 1e9:.1f} GB"
        spent = f"time {_time(effort.wall)}, of it {parts}, {end}"
        if len(spent) <= WIDTH:
            break
    return [shortened(asked), shortened(spent)]


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
