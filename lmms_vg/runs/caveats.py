"""Notes on questions that a comparison leaves out or counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from lmms_vg.runs.results import Run, TaskRun


def failure_notes(runs: Sequence[Run], tasks: Sequence[str]) -> list[str]:
    """Count the questions of each task that failed in all runs that have it; nothing else would show them."""
    notes = []
    for task in tasks:
        failed = [set(run.tasks[task].failed) for run in runs if task in run.tasks]
        common = set.intersection(*failed)
        if common:
            answered = max(len(run.tasks[task].scores) for run in runs if task in run.tasks)
            bound = 100 * len(common) / (answered + len(common))
            everywhere = "failed" if len(runs) == 1 else "failed in all runs"
            notes.append(
                f"{task}: {len(common)} of {answered + len(common)} questions {everywhere} and are left out; had they been "
                f"answered, every score and difference could lie up to {bound:.1f} points elsewhere"
            )
    return notes


def overlap_notes(names: Mapping[str, Sequence[TaskRun]]) -> list[str]:
    """Count the questions that stand in two tasks of a group, name -> its tasks: they count twice in it."""
    notes = []
    for name, parts in names.items():
        for first, second in combinations(parts, 2):
            twice = sum(
                uid in second.scores
                and first.images.get(uid) == second.images.get(uid)
                and first.asked.get(uid) == second.asked.get(uid)
                for uid in first.scores
            )
            if twice:
                notes.append(f"{name}: {twice} questions stand in both {first.task} and {second.task} and count twice")
    return notes
