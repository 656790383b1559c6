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

#: Task or group -> weights of its tasks, for groups whose protocol does not weigh every question the same.
Weights = Mapping[str, Mapping[str, int]]

#: (path of a run, task) -> the task, restricted to the questions of all runs.
Pairs = Mapping[tuple[Path, str], TaskRun]


class Repeated(NamedTuple):
    """The runs of one model and method on a task or group."""

    runs: list[Run]
    label: str
    name: str
    n: int
    summary: Repeats


class RepeatedScores(NamedTuple):
    """The scores of runs of one setting on the same questions.

    Attributes:
        values: (runs, questions).
        units: what is drawn as a whole, of each question.
        tasks: the task of each question.
    """

    values: list[list[float]]
    units: list[str]
    tasks: list[str]


def repeated(
    runs: Sequence[Run], names: Mapping[str, list[str]], pairs: Pairs, unit: Unit, weights: Weights | None = None
) -> list[Repeated]:
    """Summarise every model and method with several seeds, on every task and group that all of its runs have.

    Args:
        runs: the runs of a comparison.
        names: task or group -> its tasks.
        pairs: the tasks of the runs.
        unit: what is drawn as a whole.
        weights: of groups in which not every question weighs the same.
    """
    return [
        _repeated(group, name, scores_on(group, members, pairs, unit), (weights or {}).get(name))
        for group in settings(runs)
        if len(group) > 1
        for name, members in names.items()
        if has_all(group, members, pairs)
    ]


def settings(runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs of one method and setting, under the same circumstances, with seeds that all differ."""
    groups: list[list[Run]] = []
    for run in runs:
        for group in groups:
            if not apart(group, run):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def apart(group: Sequence[Run], run: Run) -> str:
    """Say what keeps a run from being a repeat of others: a field, the method, or its seed; empty if it is one."""
    first = group[0]
    if run.method is None or first.method is None:
        return "it does not state its method and seed"
    if without_seed(run.method) != without_seed(first.method):
        return f"its method is {run.label}, not {label_of(group)}"
    if fields := sorted({*differing(first, run)} - {"sampling_seed"}):
        return f"it differs in {', '.join(fields)}"
    if seeds_of(run) in [seeds_of(other) for other in group]:
        return "it has the same seed as another one"
    return ""


def seeds_of(run: Run) -> tuple[object, object]:
    """Seeds of sampling and of the method; without a seed of its own, a run samples with the tasks'."""
    sampled = Decoding.seed if run.sampling_seed is None else run.sampling_seed
    return sampled, run.method.hyper_parameters.get(SEED) if run.method else None


def label_of(group: Sequence[Run]) -> str:
    """Return the setting's name without its seed, or the run's where its method is not known."""
    method = without_seed(group[0].method)
    return group[0].label if method is None else method.label


def has_all(group: Sequence[Run], members: Sequence[str], pairs: Pairs) -> bool:
    """Return whether all runs have all tasks."""
    return all((run.path, task) in pairs for run in group for task in members)


def scores_on(group: Sequence[Run], members: Sequence[str], pairs: Pairs, unit: Unit) -> RepeatedScores:
    """Return the scores of a setting's runs, question by question in the order of the first run."""
    first = [pairs[group[0].path, task] for task in members]
    questions = [(task.task, uid) for task in first for uid in task.scores]
    units = {(task.task, uid): name for task in first for uid, name in units_of(task, unit).items()}
    return RepeatedScores(
        [[pairs[run.path, task].scores[uid] for task, uid in questions] for run in group],
        [units[question] for question in questions],
        [task for task, _ in questions],
    )


def _repeated(group: list[Run], name: str, scores: RepeatedScores, weights: Mapping[str, int] | None) -> Repeated:
    summary = repeats(scores.values, scores.units, scores.tasks if weights else None, weights)
    return Repeated(group, label_of(group), name, len(scores.units), summary)
