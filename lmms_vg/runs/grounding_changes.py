"""Does another run look better at the boxes? Paired differences on the same questions, at one layer for all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import NamedTuple

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.grounding import SPOILED, Grounding, grounding, hidden_in, questions_of
from lmms_vg.runs.layer_choice import LayerChoice, check_used, named
from lmms_vg.runs.map_looks import BETTER, MapLooks, Name, map_looks
from lmms_vg.runs.results import Run


class LookChange(NamedTuple):
    """One measure of one task, of a run against the base.

    Attributes:
        run: the run.
        task: the task.
        name: the measure.
        choice: the layer, the same in both runs.
        n: number of questions that both runs have.
        value: difference of the values.
        excess: difference of the excess over maps of other images of the run itself; for placement, that of the values.
        holm: p-value of the excess, corrected; NaN for KL and log AR where a run hides patches, which get no verdict.
        unit: what intervals draw as a whole, in words.
        hidden: whether a run leaves patches without any attention in this layer.
    """

    run: Run
    task: str
    name: Name
    choice: LayerChoice
    n: int
    value: Difference
    excess: Difference
    holm: float
    unit: str
    hidden: bool


def look_changes(base: Run, others: Sequence[Run], layer: int | None = None) -> tuple[list[LookChange], list[str]]:
    """Compare where runs looked, on every task that the base measures and another run, too.

    Args:
        base: the run that the others are compared with.
        others: the others.
        layer: the layer; by default, for each task, the base's of lowest mean KL on the other half of the images.

    Returns:
        The changes, p-values corrected (Holm) over all of them; and why others are missing.

    Raises:
        ValueError: the layer is not there, or named although no task's attention was measured.
    """
    changes: list[LookChange] = []
    missing: list[str] = []
    common = [task for task in base.with_looks if any(task in run.with_looks for run in others)]
    check_used(layer, common, f"{base.label} and of another run")
    first = grounding(base, dict.fromkeys(common, None if layer is None else named(layer)))
    at = {task: result.choice for task, result in first.items() if not isinstance(result, str)}
    seconds = [grounding(run, {task: at[task] for task in at if task in run.with_looks}) for run in others]
    for task in common:
        before = first[task]
        if isinstance(before, str):
            missing.append(f"No excess over other images for {base.label} on {task}: {before}")
            continue
        for run, second in zip(others, seconds, strict=True):
            after = second.get(task)
            if isinstance(after, str):
                missing.append(f"No excess over other images for {run.label} on {task}: {after}")
            elif after is not None and run.control == base.control and (moved := _moved(before, after)):
                missing.append(
                    f"No comparison of where {run.label} looks on {task}: {len(moved)} questions, first {moved[0]}, are about "
                    f"the image or patient of another question of {base.label}; ask both of the same file"
                )
            elif after is not None:
                changes += _changes(run, task, before, after)
    return _corrected(changes), missing


def _moved(before: Grounding, after: Grounding) -> list[str]:
    """Questions about what other questions were about before, as where a file of own questions was edited in between.

    An image that is in one run only may be the same in other pixels, as decoders differ.
    """
    if before.unit != after.unit:  # an older version's journal names no patients
        return []
    known = set(before.units.values())
    return [uid for uid, unit in before.units.items() if after.units.get(uid, unit) in known - {unit}]


def layer_changes(base: Run, others: Sequence[Run]) -> list[LookChange]:
    """Compare where runs looked at every layer, on every task that both measure; p-values are not corrected.

    For curves and tables: no layer is chosen, and none is a verdict.
    """
    common = [task for task in base.with_looks if any(task in run.with_looks for run in others)]
    first = map_looks(base, dict.fromkeys(common, named(0)), whole=True)
    changes = []
    for run in others:
        second = map_looks(
            run, dict.fromkeys([task for task in common if task in run.with_looks], named(0)), whole=True
        )
        for task, after in second.items():
            before = first[task]
            if not isinstance(before, str) and not isinstance(after, str):
                for layer in before.layers:
                    pair = [looks._replace(choice=named(layer)) for looks in (before, after)]
                    changes += _changes(run, task, *(_QuestionLooks.of(looks) for looks in pair))
    return changes


class _QuestionLooks(NamedTuple):
    """One of two runs: measure -> uid -> value and level."""

    choice: LayerChoice
    hidden: bool
    questions: Mapping[Name, Mapping[str, tuple[float, float]]]
    units: Mapping[str, str]
    unit: str

    @classmethod
    def of(cls, looks: MapLooks) -> _QuestionLooks:
        units = dict(zip(looks.uids, looks.units, strict=True))
        return cls(looks.choice, hidden_in(looks), questions_of(looks), units, looks.unit)


def _changes(
    run: Run, task: str, before: Grounding | _QuestionLooks, after: Grounding | _QuestionLooks
) -> list[LookChange]:
    changes, hidden = [], before.hidden or after.hidden
    # An older version's journal names no patients; those of the other run are of the same questions.
    known = after if before.unit == "image" else before
    for name in BETTER:
        a, b = before.questions[name], after.questions[name]
        shared = [uid for uid in a if uid in b]
        if shared:
            value, excess = (
                paired(_part(a, shared, level), _part(b, shared, level), known.units) for level in (False, True)
            )
            changes.append(
                LookChange(run, task, name, before.choice, len(shared), value, excess, nan, known.unit, hidden)
            )
    return changes


def _part(pairs: Mapping[str, tuple[float, float]], uids: Sequence[str], over_level: bool) -> dict[str, float]:
    return {uid: pairs[uid][0] - (pairs[uid][1] if over_level else 0) for uid in uids}


def _corrected(changes: Sequence[LookChange]) -> list[LookChange]:
    judged = {
        f"{number}": change.excess.p
        for number, change in enumerate(changes)
        if not (change.hidden and change.name in SPOILED)
    }
    adjusted = holm(judged)
    return [change._replace(holm=adjusted.get(f"{number}", nan)) for number, change in enumerate(changes)]
