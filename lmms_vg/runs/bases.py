"""Choose the run that the others are compared with."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from lmms_vg._util.suggest import suggest
from lmms_vg.runs.agreement import differing
from lmms_vg.runs.results import Run


def base_of(runs: list[Run], name: str = "") -> Run:
    """Return the run of that name, or the first plain run, or else the first run.

    Args:
        runs: the runs, told apart by their labels.
        name: label, method or model of one run, its results file, or a folder it is in, by name or path; empty to choose.

    Raises:
        ValueError: no run or several have this name, or plain runs contradict each other.
    """
    if name:
        return _named(runs, name)
    plain = [run for run in runs if run.is_plain]
    for first, second in combinations(plain, 2):
        # A model that is not ours does not say what was run, so two of them may well be two models.
        if first.provenance and second.provenance and not differing(first, second):
            _check_agree(first, second)
    return plain[0] if plain else runs[0]


def _named(runs: list[Run], name: str) -> Run:
    for matching in (
        [run for run in runs if run.label == name],
        [run for run in runs if run.name == name],
        [run for run in runs if name in [place.name for place in _places(run)]],
        [run for run in runs if Path(name).resolve() in _places(run)],
    ):
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise ValueError(
                f"--base {name} is the name of {len(matching)} runs: {_listed(matching)}; give one of these labels or paths"
            )
    meant = suggest(name, [run.label for run in runs])
    raise ValueError(
        f"--base {name}: {meant}allowed is a run's label, its method, or the name or path of its folder; the runs are "
        f"{_listed(runs)}"
    )


def _places(run: Run) -> list[Path]:
    """Return the results file or journal of a run, and the folders it is in."""
    path = run.path.resolve()
    return [path, *path.parents]


def _listed(runs: list[Run]) -> str:
    return ", ".join(f"{run.label} ({run.path})" for run in runs)


def _check_agree(first: Run, second: Run) -> None:
    """Refuse two baselines of which nobody knows which is right."""
    for task in first.tasks.keys() & second.tasks.keys():
        before, after = first.tasks[task].scores, second.tasks[task].scores
        apart = [uid for uid in before if uid in after and before[uid] != after[uid]]
        if apart:
            raise ValueError(
                f"{first.path} and {second.path} are both plain and state the same circumstances, but {len(apart)} of "
                f"{len(before)} scores of {task} differ, so no difference from plain is known; leave one of them out, or "
                f"name the base: --base '{first.label}'"
            )
