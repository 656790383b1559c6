"""Lines of a comparison that put a run under a control beside the same run without it: does the model need what was removed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from statistics import fmean

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.agreement import FIELDS, differing
from lmms_vg.runs.compared_line import RESAMPLES
from lmms_vg.runs.comparison import ControlLine
from lmms_vg.runs.results import Run, TaskRun
from lmms_vg.runs.units import Unit, units_of

#: The two controls whose changes of answers are compared.
BOX, ELSEWHERE = "box_filled", "elsewhere_filled"

Values = Mapping[str, float]


def image_control_lines(runs: Sequence[Run], controlled: Sequence[Run], base: Run, unit: Unit) -> list[ControlLine]:
    """Pair every run under a control with the same run without it.

    Args:
        runs: the runs without a control.
        controlled: the runs under one.
        base: the plain run whose gains the others are compared with; another run is compared with none.
        unit: what is drawn as a whole.

    Raises:
        ValueError: a run under a control has no partner, has its control twice, or is scored by another rule.
    """
    own = {run.path: _partner(run, runs) for run in controlled}
    by_control: dict[tuple[object, str], Run] = {}
    for run in controlled:
        key = own[run.path].path, str(run.control)
        if key in by_control:
            raise ValueError(f"{run.path} and {by_control[key].path} are both {run.label}; leave one of them out")
        by_control[key] = run
    lines = []
    for run in controlled:
        first = own[run.path]
        plain = by_control.get((base.path, str(run.control))) if base.is_plain and base is not first else None
        elsewhere = by_control.get((first.path, ELSEWHERE)) if run.control == BOX else None
        for task in run.tasks:
            if task in first.tasks:
                lines += _line(task, first, run, (base, plain) if plain else None, elsewhere, unit)
    return _corrected(lines)


def _corrected(lines: Sequence[ControlLine]) -> list[ControlLine]:
    """Return the lines with p-values corrected (Holm) over everything that is tested in them."""
    tested = {
        f"{number} {place}": difference.p
        for number, line in enumerate(lines)
        for place, difference in enumerate(line.tested)
        if difference is not None
    }
    adjusted = holm(tested)
    of = [[adjusted.get(f"{number} {place}", nan) for place in range(3)] for number in range(len(lines))]
    return [line._replace(holm=(p[0], p[1], p[2])) for line, p in zip(lines, of, strict=True)]


def _partner(run: Run, others: Sequence[Run]) -> Run:
    for other in others:
        if other.provenance is not None and other.method == run.method and not {*differing(other, run)} & {*FIELDS}:
            return other
    raise ValueError(
        f"{run.path} is {run.label}, which can only be judged beside the same run without a control, in the same "
        "circumstances; name that run, too, or run the same command without the control"
    )


def _line(
    task: str, own: Run, run: Run, plain: tuple[Run, Run] | None, elsewhere: Run | None, unit: Unit
) -> list[ControlLine]:
    before, after = own.tasks[task], run.tasks[task]
    if before.rule != after.rule:
        raise ValueError(f"{run.path}: {task}: scored by {after.rule}, but {before.rule} without the control")
    uids = [uid for uid in before.scores if uid in after.scores]
    if not uids:
        return []
    units = units_of(before, unit)
    a, b = ({uid: part.scores[uid] for uid in uids} for part in (after, before))
    over_plain = None
    if plain is not None and all(task in other.tasks for other in plain):
        over_plain = _apart(_gains(*(other.tasks[task] for other in plain)), _gains(before, after), units)
    changes, necessity = _changes(before, after), None
    if elsewhere is not None and task in elsewhere.tasks:
        necessity = _difference(_changes(before, elsewhere.tasks[task]), changes, units)
    return [
        ControlLine(
            own,
            str(run.control),
            run,
            task,
            len(uids),
            len(before.scores) - len(uids),
            fmean(b.values()),
            fmean(a.values()),
            fmean(changes.values()),
            paired(a, b, units, resamples=RESAMPLES),
            over_plain,
            necessity,
        )
    ]


def _gains(before: TaskRun, after: TaskRun) -> Values:
    """Return the loss of each question under the control, from -1 to 1."""
    return {uid: score - after.scores[uid] for uid, score in before.scores.items() if uid in after.scores}


def _changes(before: TaskRun, after: TaskRun) -> Values:
    """Return whether the text of each answer changes, 0 or 1."""
    return {
        uid: float(before.answers.get(uid) != after.answers.get(uid)) for uid in before.scores if uid in after.scores
    }


def _difference(a: Values, b: Values, units: Mapping[str, str]) -> Difference | None:
    """Mean of b minus mean of a on the questions of both; None if there are none."""
    uids = [uid for uid in a if uid in b and uid in units]
    return (
        paired({uid: a[uid] for uid in uids}, {uid: b[uid] for uid in uids}, units, resamples=RESAMPLES)
        if uids
        else None
    )


def _apart(a: Values, b: Values, units: Mapping[str, str]) -> Difference | None:
    """Return the same for values from -1 to 1: they are halved, as the statistics expect differences from -1 to 1."""
    first, second = ({uid: value / 2 for uid, value in values.items()} for values in (a, b))
    half = _difference(first, second, units)
    if half is None:
        return None
    return half._replace(mean=2 * half.mean, low=2 * half.low, high=2 * half.high, error=2 * half.error)
