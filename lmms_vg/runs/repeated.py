"""Runs of one model and method that differ in a seed alone: how far their score moves by run and by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lmms_vg.journal.decoding import Decoding
from lmms_vg.metrics.statistics.repeats import Repeats, repeats
from lmms_vg.runs.agreement import differing
from lmms_vg.runs.controls import SEED, without_seed
from lmms_vg.runs.results import Run, TaskRun
from lmms_vg.runs.units import Unit, units_of

ABOUT = (
    "repeated runs differ in a seed alone. spread: standard deviation of the score from run to run on these questions. Errors "
    "are standard errors of the mean: for other seeds, for other {unit}s, and for both"
)
_HEAD = ("repeated runs", "task", "runs", "mean (%)", "spread", "error: seeds", "error: {unit}s", "error: both")


class Repeated(NamedTuple):
    """The runs of one model and method on a task or group."""

    runs: list[Run]
    label: str
    name: str
    summary: Repeats


def repeated(
    runs: Sequence[Run], names: Mapping[str, list[str]], pairs: Mapping[tuple[Path, str], TaskRun], unit: Unit
) -> list[Repeated]:
    """Summarise every model and method with several seeds, on every task and group that all of its runs have.

    Args:
        runs: the runs of a comparison.
        names: task or group -> its tasks, in which every question weighs the same.
        pairs: run and task -> the task, restricted to the questions of all runs.
        unit: what is drawn as a whole.
    """
    return [
        Repeated(group, _label(group), name, _summary(group, members, pairs, unit))
        for group in _groups(runs)
        for name, members in names.items()
        if all((run.path, task) in pairs for run in group for task in members)
    ]


def table_of(found: Sequence[Repeated], unit: str) -> tuple[list[str], list[list[str]]]:
    """Heading and rows, in percentage points."""
    rows = [
        [
            *(entry.label, entry.name, str(entry.summary.runs), f"{100 * entry.summary.mean:.2f}"),
            *(f"{100 * value:.2f}" for value in (entry.summary.spread, entry.summary.of_runs)),
            *(f"{100 * value:.2f}" for value in (entry.summary.of_images, entry.summary.error)),
            f"{100 * entry.summary.low:.2f} to {100 * entry.summary.high:.2f}",
        ]
        for entry in found
    ]
    blank = [["" if cell.startswith("nan") else cell for cell in cells] for cells in rows]  # a single image
    return [*(cell.format(unit=unit) for cell in _HEAD), "95% interval"], blank


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of one method and setting, under the same circumstances, with seeds that all differ."""
    groups: list[list[Run]] = []
    for run in runs:
        for group in groups:
            if _repeats(group, run):
                group.append(run)
                break
        else:
            groups.append([run])
    return [group for group in groups if len(group) > 1]


def _repeats(group: Sequence[Run], run: Run) -> bool:
    first = group[0]
    return (
        run.method is not None
        and without_seed(run.method) == without_seed(first.method)
        and set(differing(first, run)) <= {"sampling_seed"}
        and _seeds(run) not in [_seeds(other) for other in group]
    )


def _seeds(run: Run) -> tuple[object, object]:
    """Seeds of sampling and of the method; without a seed of its own, a run samples with the tasks'."""
    sampled = Decoding.seed if run.sampling_seed is None else run.sampling_seed
    return sampled, run.method.hyper_parameters.get(SEED) if run.method else None


def _label(group: Sequence[Run]) -> str:
    method = without_seed(group[0].method)
    return "" if method is None else method.label


def _summary(
    group: Sequence[Run], members: Sequence[str], pairs: Mapping[tuple[Path, str], TaskRun], unit: Unit
) -> Repeats:
    first = [pairs[group[0].path, task] for task in members]
    questions = [(task.task, uid) for task in first for uid in task.scores]
    clusters = {(task.task, uid): name for task in first for uid, name in units_of(task, unit).items()}
    scores = [[pairs[run.path, task].scores[uid] for task, uid in questions] for run in group]
    return repeats(scores, [clusters[question] for question in questions])
