"""Compare settings with repeated runs: the difference of their means, for other seeds on other images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmms_vg.metrics.statistics import holm
from lmms_vg.metrics.statistics.repeated_difference import RepeatedDifference, repeated_difference
from lmms_vg.runs.compared_line import RESAMPLES
from lmms_vg.runs.repeated import Pairs, Weights, has_all, label_of, scores_on, seeds_of, settings
from lmms_vg.runs.results import Run
from lmms_vg.runs.roles import controls
from lmms_vg.runs.units import Unit


class RepeatedChange(NamedTuple):
    """A setting against another one, of which at least one has several runs, on a task or group.

    Attributes:
        setting: the runs that differ in a seed alone.
        other: those that they are compared with.
        name: the task or group.
        n: number of questions.
        result: the difference.
        holm: its p-value, corrected over the comparison's settings.
    """

    setting: list[Run]
    other: list[Run]
    name: str
    n: int
    result: RepeatedDifference
    holm: float


def repeated_changes(
    runs: Sequence[Run],
    base: Run,
    names: Mapping[str, list[str]],
    pairs: Pairs,
    unit: Unit,
    weights: Weights,
    tried: int,
) -> list[RepeatedChange]:
    """Compare every setting with the base's, and every method with its controls, where one of the two has several seeds.

    Args:
        runs: the runs of a comparison.
        base: the run whose setting the others are compared with.
        names: task or group -> its tasks.
        pairs: the tasks of the runs.
        unit: what is drawn as a whole.
        weights: of groups in which not every question weighs the same.
        tried: number of settings that are known to have been tried on these questions, which p is corrected for.
    """
    groups = settings(runs)
    own = next(group for group in groups if any(run is base for run in group))
    others = [group for group in groups if group is not own]
    wanted = [(group, own) for group in others]
    wanted += [(group, other) for group in others for other in others if controls(other[0].name, group[0].name)]
    lines = [
        (group, other, name)
        for group, other in wanted
        if max(len(group), len(other)) > 1
        for name, members in names.items()
        if has_all([*group, *other], members, pairs)
    ]
    family = max(len(lines), tried * len(names))
    results = [
        _compared(group, other, names[name], pairs, unit, weights.get(name), family) for group, other, name in lines
    ]
    adjusted = holm({str(place): result.difference.p for place, (_, result) in enumerate(results)}, family)
    return [
        RepeatedChange(group, other, name, n, result, adjusted[str(place)])
        for place, ((group, other, name), (n, result)) in enumerate(zip(lines, results, strict=True))
    ]


def named(group: Sequence[Run]) -> str:
    """Return the setting, and how many seeds it is the mean of."""
    return f"{label_of(group)}, {len(group)} seeds" if len(group) > 1 else group[0].label


def _compared(
    group: Sequence[Run],
    other: Sequence[Run],
    members: Sequence[str],
    pairs: Pairs,
    unit: Unit,
    weights: Mapping[str, int] | None,
    family: int,
) -> tuple[int, RepeatedDifference]:
    runs = _by_seed(group, other)
    after, before = (scores_on(side, members, pairs, unit) for side in runs or (group, other))
    result = repeated_difference(
        before.values,
        after.values,
        before.units,
        by_seed=runs is not None,
        parts=before.tasks if weights else None,
        weights=weights,
        resamples=RESAMPLES,
        family=family,
    )
    return len(before.units), result


def _by_seed(group: Sequence[Run], other: Sequence[Run]) -> tuple[list[Run], list[Run]] | None:
    """Return the runs of both settings in the order of their seeds, if these are the same; the sampling's seed comes first."""
    for place in (0, 1):
        first, second = ({seeds_of(run)[place]: run for run in runs} for runs in (group, other))
        if 1 < len(first) == len(group) == len(other) and first.keys() == second.keys():
            return [first[seed] for seed in first], [second[seed] for seed in first]
    return None
