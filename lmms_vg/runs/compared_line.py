"""One line of a comparison: a run's scores on a task or group, and their difference from another run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from statistics import fmean

from lmms_vg.metrics.statistics import equal_within, holm, mcnemar, paired, smallest_detectable
from lmms_vg.runs.agreement import shared
from lmms_vg.runs.comparison import MARGIN, AgainstBase, ComparisonLine
from lmms_vg.runs.forced_choice import forced, forced_change
from lmms_vg.runs.results import Run, TaskRun
from lmms_vg.runs.saying import change, saying, scores_of
from lmms_vg.runs.units import Unit, units_of

#: More than an interval needs, so that its ends do not depend on the seed in the second digit.
RESAMPLES = 10_000


def line_of(run: Run, name: str, parts: Sequence[TaskRun], weights: Mapping[str, int] | None) -> ComparisonLine:
    """Return a run's line without a comparison; `weights` is task -> weight, None if every question weighs the same."""
    scores = scores_of(parts)
    seconds = [part.seconds[uid] for part in parts for uid in part.scores if uid in part.seconds]
    return ComparisonLine(
        run,
        name,
        parts[0].metric,
        parts[0].rule,
        len(scores),
        _mean(parts, weights),
        fmean(seconds) if len(seconds) == len(scores) else None,
        bool(shared(run)),
        None,
        saying(parts),
        forced=forced(parts, weights),
    )


def against(
    before: Sequence[TaskRun], after: Sequence[TaskRun], weights: Mapping[str, int] | None, unit: Unit, family: int
) -> AgainstBase:
    """Compare two runs on the same questions of the same tasks; p-values are corrected by `corrected`.

    Args:
        before: the tasks of the run that is compared with.
        after: those of the other.
        weights: task -> weight of a group's tasks, None if every question weighs the same.
        unit: what is drawn as a whole.
        family: number of comparisons that will be corrected for.
    """
    a, b = scores_of(before), scores_of(after)
    units = {f"{part.task} {uid}": name for part in before for uid, name in units_of(part, unit).items()}
    tasks = {f"{part.task} {uid}": part.task for part in before for uid in part.scores} if weights else None
    difference = paired(a, b, units, parts=tasks, weights=weights, resamples=RESAMPLES, family=family)
    binary = {*a.values(), *b.values()} <= {0, 1}
    return AgainstBase(
        difference=difference,
        better=sum(b[uid] > a[uid] for uid in a),
        worse=sum(b[uid] < a[uid] for uid in a),
        holm=1.0,
        mcnemar_p=mcnemar(a, b).p if binary else None,
        mcnemar_holm=None,
        detectable=nan,
        equal=equal_within(difference, MARGIN),
        change=None if weights else change(before, after, units, family),
        source=None,
        forced=forced_change(before, after, units, family, weights),
    )


def corrected(lines: Sequence[ComparisonLine], family: int) -> list[ComparisonLine]:
    """Correct the p-values of all lines for the number of comparisons, and say where each significant difference lives."""
    results = as_family({str(place): line.against for place, line in enumerate(lines) if line.against}, family)
    return [line._replace(against=results.get(str(place))) for place, line in enumerate(lines)]


def as_family(tested: Mapping[str, AgainstBase], family: int) -> dict[str, AgainstBase]:
    """Correct the p-values of comparisons, by name; `family` is how many they are, with those that were tried before."""
    adjusted = holm({name: entry.difference.p for name, entry in tested.items()}, family)
    exact = holm({name: entry.mcnemar_p for name, entry in tested.items() if entry.mcnemar_p is not None})
    preferred = holm({name: entry.forced.accuracy.p for name, entry in tested.items() if entry.forced}, family)
    return {
        name: entry._replace(
            forced=entry.forced._replace(holm=preferred[name]) if entry.forced else None,
            holm=adjusted[name],
            mcnemar_holm=exact.get(name),
            detectable=smallest_detectable(entry.difference, tests=max(family, len(tested))),
            source=entry.change.source(entry.difference.mean, adjusted[name]) if entry.change else None,
        )
        for name, entry in tested.items()
    }


def _mean(parts: Sequence[TaskRun], weights: Mapping[str, int] | None) -> float:
    if weights is None:
        return fmean(scores_of(parts).values())
    total = sum(weights[part.task] for part in parts)
    return sum(weights[part.task] * fmean(part.scores.values()) for part in parts) / total
