"""Compare runs on the same questions: differences with intervals, and tests corrected for their number.

Questions about one image are not independent, so the p-value to use is that of the bootstrap, which draws whole images.
McNemar's exact test treats questions as independent; it is shown too, because papers report it. Each is corrected (Holm)
over all lines of the table.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple

from lmms_vg.metrics.statistics import Difference, holm, mcnemar, paired, signature
from lmms_vg.runs import pairing
from lmms_vg.runs.agreement import agree, check_names, shared
from lmms_vg.runs.batches import batch_notes
from lmms_vg.runs.results import Run, TaskRun

#: More than an interval needs: their number is the resolution of a p-value, which the correction multiplies.
RESAMPLES = 10_000

Kind = Literal["markdown", "csv", "latex"]


class AgainstBase(NamedTuple):
    """A line compared with the base.

    Attributes:
        difference: Mean difference of the scores, with its 95% interval and p-value.
        better: Number of questions with a higher score than in the base.
        worse: Number of questions with a lower score.
        holm: The p-value of `difference`, corrected.
        mcnemar_p: p-value of McNemar's exact test; None if scores are not all 0 or 1.
        mcnemar_holm: The same, corrected.
    """

    difference: Difference
    better: int
    worse: int
    holm: float
    mcnemar_p: float | None
    mcnemar_holm: float | None


class ComparisonLine(NamedTuple):
    """A run on a task or a pooled group; `seconds` is the mean time per question, None if it is not known."""

    run: Run
    name: str
    metric: str
    rule: str
    n: int
    score: float
    seconds: float | None
    shared: bool
    against: AgainstBase | None


@dataclass(frozen=True)
class Comparison:
    """A comparison: the runs in the order given, one line per run and task or group, and notes."""

    runs: list[Run]
    base: Run
    lines: list[ComparisonLine]
    pooled: frozenset[str]
    notes: list[str]
    rules: list[str]
    allowed: tuple[str, ...]

    def table(self, kind: Kind = "markdown") -> str:
        """The comparison as text: accuracies in the form of the paper's Table F.4, then every difference.

        Raises:
            ValueError: There is no such format.
        """
        from lmms_vg.runs.comparison_tables import FORMATS  # it imports this module

        if kind not in FORMATS:
            raise ValueError(f"kind={kind!r}: allowed is {', '.join(FORMATS)}")
        return FORMATS[kind](self)


def compare(runs: list[Run], allowed: Collection[str] = ()) -> Comparison:
    """Compare runs on every task and pooled group of the base.

    The base is the plain run if there is exactly one, else the first run. A single run has no differences.

    Args:
        runs: The runs, in the order in which they are shown.
        allowed: Names of what may differ besides the method, see `agreement.ALLOWED`.

    Raises:
        ValueError: A run is restricted or given twice, runs have no common task, or they differ in their rules or in what
            is not allowed.
    """
    check_names(allowed)
    _check(runs)
    runs = _told_apart(runs)
    plain = [run for run in runs if run.is_plain]
    base = plain[0] if len(plain) == 1 else runs[0]
    others = [run for run in runs if run is not base]
    notes = [*agree(base, others, allowed), *batch_notes(runs, base)]
    names = _names(base, others)
    tasks = list(dict.fromkeys(task for members in names.values() for task in members))
    pairs, more = pairing.common(base, others, tasks, allowed)
    lines = [
        _line(
            run, name, [pairs[run.path, task] for task in members], [pairs[base.path, task] for task in members], base
        )
        for run in runs
        for name, members in names.items()
        if _has(run, base, name, members)
    ]
    notes += [*(f"Leak: {run.label}: {run.leak}" for run in runs if run.leak)]
    notes += [*more, *(f"`{run.path.name}`: {note}" for run in runs for note in run.notes), *_skipped(base, others)]
    rules = sorted({line.rule for line in lines}) + ([signature(resamples=RESAMPLES)] if others else [])
    pooled = frozenset(name for name in names if name not in base.tasks)
    return Comparison(runs, base, _corrected(lines), pooled, list(dict.fromkeys(notes)), rules, tuple(allowed))


def _check(runs: list[Run]) -> None:
    for number, run in enumerate(runs):
        if run.restricted:
            raise ValueError(
                f"{run.path}: was run with {run.restricted}, so its numbers do not stand for their benchmarks and are "
                "not compared; run it again without that"
            )
        if any(run.path.resolve() == other.path.resolve() for other in runs[:number]):
            raise ValueError(
                f"{run.path}: is compared with itself; name another run, by its folder or its *_results.json"
            )


def _told_apart(runs: list[Run]) -> list[Run]:
    labels = [run.label for run in runs]
    return [
        replace(run, number=labels[: place + 1].count(run.label)) if labels.count(run.label) > 1 else run
        for place, run in enumerate(runs)
    ]


def _names(base: Run, others: list[Run]) -> dict[str, list[str]]:
    """Task or group -> its tasks. A group of closed and open questions has no common metric, so it has no mean."""
    candidates = {name: [name] for name in base.tasks} | base.groups
    names = {
        name: members
        for name, members in candidates.items()
        if len({base.tasks[task].metric for task in members}) == 1
        and (not others or any(_has(run, base, name, members) for run in others))
    }
    lonely = [run for run in others if not any(_has(run, base, *entry) for entry in names.items())]
    if lonely or not names:
        has = "; ".join(f"{run.path} has {_all(run)}" for run in (base, *lonely[:1]))
        raise ValueError(f"{has}: nothing {'in common ' if others else ''}that has scores of questions")
    return names


def _has(run: Run, base: Run, name: str, members: list[str]) -> bool:
    return run is base or (name in run.tasks if name in base.tasks else run.groups.get(name) == members)


def _line(run: Run, name: str, parts: list[TaskRun], base_parts: list[TaskRun], base: Run) -> ComparisonLine:
    scores = _scores(parts)
    seconds = [part.seconds[uid] for part in parts for uid in part.scores if uid in part.seconds]
    against = None
    if run is not base:
        before = _scores(base_parts)
        images = {f"{part.task} {uid}": image for part in base_parts for uid, image in part.images.items()}
        binary = {*before.values(), *scores.values()} <= {0, 1}
        against = AgainstBase(
            difference=paired(before, scores, images, resamples=RESAMPLES),
            better=sum(scores[uid] > before[uid] for uid in before),
            worse=sum(scores[uid] < before[uid] for uid in before),
            holm=1.0,
            mcnemar_p=mcnemar(before, scores).p if binary else None,
            mcnemar_holm=None,
        )
    return ComparisonLine(
        run,
        name,
        parts[0].metric,
        parts[0].rule,
        len(scores),
        fmean(scores.values()),
        fmean(seconds) if len(seconds) == len(scores) else None,
        bool(shared(run)),
        against,
    )


def _scores(parts: list[TaskRun]) -> dict[str, float]:
    return {f"{part.task} {uid}": score for part in parts for uid, score in part.scores.items()}


def _corrected(lines: list[ComparisonLine]) -> list[ComparisonLine]:
    against = {str(number): line.against for number, line in enumerate(lines) if line.against is not None}
    bootstrap = holm({number: tested.difference.p for number, tested in against.items()})
    exact = holm({number: tested.mcnemar_p for number, tested in against.items() if tested.mcnemar_p is not None})
    return [
        line
        if line.against is None
        else line._replace(
            against=line.against._replace(holm=bootstrap[str(number)], mcnemar_holm=exact.get(str(number)))
        )
        for number, line in enumerate(lines)
    ]


def _all(run: Run) -> str:
    return ", ".join([*run.tasks, *run.measured, *run.left_out])


def _skipped(base: Run, others: list[Run]) -> list[str]:
    """One note per run: tasks that only one of the two runs has, and tasks without scores of questions."""
    notes = []
    for run in others:
        first, second = ({*each.tasks, *each.measured, *each.left_out} for each in (base, run))
        names = []
        for task in [*base.tasks, *base.measured, *base.left_out, *sorted(second - first)]:
            if task not in first & second:
                names.append(f"{task} (in one of the runs only)")
            elif task in base.measured:
                names.append(f"{task} (ar, kl, js, best_layer: each run has its own layer, see its report)")
            elif task not in base.tasks or task not in run.tasks:
                names.append(f"{task} (no scores of single questions)")
        if names:
            notes.append(f"Not compared with {run.label}: {', '.join(names)}")
    return notes
