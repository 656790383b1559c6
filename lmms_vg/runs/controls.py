"""Compare every method with its controls: two methods of which one differs from plain and one does not may be equally good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from lmms_vg.runs.method_spec import MethodSpec
from lmms_vg.runs.results import Run, TaskRun
from lmms_vg.runs.roles import controls

#: The hyper-parameter that is no setting: runs that differ in it alone are draws of one control.
SEED = "seed"


class Contrast(NamedTuple):
    """A method and one of its controls.

    Attributes:
        run: the method's run.
        label: the control's name, with its hyper-parameters if there are several settings of it, and the number of seeds.
        draws: the control's runs, which differ in their seed alone.
    """

    run: Run
    label: str
    draws: list[Run]


def contrasts(runs: Sequence[Run], base: Run) -> list[Contrast]:
    """Return every method among the runs with every control for it; the base, which all are compared with, is left out."""
    results = []
    others = [run for run in runs if run is not base]
    for run in others:
        draws: dict[str, list[Run]] = {}
        for other in others:
            if controls(other.name, run.name):
                draws.setdefault(str(without_seed(other.method)), []).append(other)
        names = [group[0].name for group in draws.values()]
        for group in draws.values():
            name = group[0].name if names.count(group[0].name) == 1 else group[0].label
            label = name if len(group) == 1 else f"{name} (mean of {len(group)} seeds)"
            results.append(Contrast(run, label, group))
    return results


def averaged(draws: Sequence[Run], task: str, pairs: Mapping[tuple[Path, str], TaskRun]) -> TaskRun:
    """Return a control's task with each question's mean score over the seeds; one seed is left as it is."""
    parts = [pairs[run.path, task] for run in draws]
    if len(parts) == 1:
        return parts[0]
    scores = {uid: fmean(part.scores[uid] for part in parts) for uid in parts[0].scores}
    return replace(parts[0], scores=scores, extracted={}, answers={}, first_tokens={})


def without_seed(method: MethodSpec | None) -> MethodSpec | None:
    """Return a method without its seed: two runs with the same are draws of one setting."""
    if method is None:
        return None
    return MethodSpec(
        name=method.name,
        hyper_parameters={name: value for name, value in method.hyper_parameters.items() if name != SEED},
    )
