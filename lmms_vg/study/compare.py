"""Is one run better than another: differences on the same questions, with intervals and tests corrected for their number.

Questions about one image are not independent, so what is corrected (Holm) is the p-value of the bootstrap that draws
whole images. McNemar's exact test, which takes every question for itself, stands beside it because papers report it.
"""

from collections.abc import Iterator
from math import isnan
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.statistics import Difference, holm, mcnemar, paired, signature
from lmms_vg.study.runs import Run, TaskRun
from lmms_vg.study.tables import row

RESAMPLES = 10_000
"""More than for an interval: their number is the resolution of a p-value, which a correction multiplies."""


class Comparison(NamedTuple):
    """One task or group under two runs. ``mcnemar_p`` is None where scores are not right or wrong."""

    name: str
    metric: str
    n: int
    base: float
    other: float
    difference: Difference
    mcnemar_p: float | None


def compare(base: Run, other: Run) -> list[Comparison]:
    """Every task and pooled group that both runs have.

    Errors: ValueError for a restricted run, for a run and itself, for runs without a common task, and for question sets or
    rules that differ.
    """
    if base.path.resolve() == other.path.resolve():
        raise ValueError(f"{base.path}: is compared with itself; name another run, by its folder or its *_results.json")
    for run in (base, other):
        if run.restricted:
            raise ValueError(
                f"{run.path}: was run with {run.restricted}, so its numbers do not stand for their benchmarks and are "
                "not ranked; run it again without"
            )
    names = {name: [name] for name in base.tasks if name in other.tasks}
    names |= {group: tasks for group, tasks in base.groups.items() if other.groups.get(group) == tasks}
    if not names:
        raise ValueError(
            f"{base.path} has {_all(base)}; {other.path} has {_all(other)}: nothing in common that has scores of questions"
        )
    return [
        _compare(name, [base.tasks[task] for task in tasks], [other.tasks[task] for task in tasks])
        for name, tasks in names.items()
        if len({base.tasks[task].metric for task in tasks}) == 1
    ]


def _compare(name: str, base: list[TaskRun], other: list[TaskRun]) -> Comparison:
    first, second = _scores(base), _scores(other)
    if first.keys() != second.keys():
        raise ValueError(f"{name}: {_how_they_differ(name, first, second, base, other)}")
    if not first:
        raise ValueError(f"{name}: no question has a score")
    for one, two in zip(base, other, strict=True):
        if one.rule != two.rule:
            raise ValueError(f"{one.task}: scored by {one.rule} in one run and by {two.rule} in the other")
    images = {f"{part.task} {uid}": image for part in base for uid, image in part.images.items()}
    p = mcnemar(first, second).p if {*first.values(), *second.values()} <= {0, 1} else None
    difference = paired(first, second, images, resamples=RESAMPLES)
    means = fmean(first.values()), fmean(second.values())
    return Comparison(name, base[0].metric, len(first), *means, difference, p)


def _scores(parts: list[TaskRun]) -> dict[str, float]:
    return {f"{part.task} {uid}": score for part in parts for uid, score in part.scores.items()}


def _how_they_differ(
    name: str, first: dict[str, float], second: dict[str, float], base: list[TaskRun], other: list[TaskRun]
) -> str:
    said, repeat = [], []
    for which, pair, more, less, parts in (
        ("first", "other", first, second, other),
        ("other", "first", second, first, base),
    ):
        only = [question for question in more if question not in less]
        failed = {f"{part.task} {uid}" for part in parts for uid in part.failed}.intersection(only)
        if failed:
            repeat.append(pair)
        if only:
            questions, every = ("1 question has", "it") if len(only) == 1 else (f"{len(only)} questions have", "all")
            how_many = f"{every} failed" if len(failed) == len(only) else f"{len(failed) or 'none'} failed"
            few = ", ".join(question.removeprefix(f"{name} ") for question in only[:3]) + (", ..." if only[3:] else "")
            said.append(f"{questions} a score in the {which} run only ({how_many} in the {pair}): {few}")
    advice = f". Run the {' and the '.join(repeat)} again: failures are asked anew" if repeat else ""
    return f"the runs have scores of different questions, so they cannot be paired. {'; '.join(said)}{advice}"


def _all(run: Run) -> str:
    return ", ".join([*run.tasks, *run.measured, *run.left_out])


def _not_compared(base: Run, other: Run) -> Iterator[str]:
    first, second = ({*run.tasks, *run.measured, *run.left_out} for run in (base, other))
    for task in [*base.tasks, *base.measured, *base.left_out, *sorted(second - first)]:
        if task not in first & second:
            yield f"{task} (in one of the runs only)"
        elif task in base.measured:
            yield f"{task} (ar, kl, js, best_layer: each run has its own layer, see its report)"
        elif task not in base.tasks or task not in other.tasks:
            yield f"{task} (no scores of single questions)"


def show(base: Run, others: list[Run]) -> str:
    """Markdown: a line a run and task; the bootstrap's p-values are corrected by Holm over all lines."""
    found = [(run, one) for run in others for one in compare(base, run)]
    adjusted = holm({str(i): one.difference.p for i, (_, one) in enumerate(found)})
    rules = sorted({base.tasks[task].rule for task in base.tasks if any(task in run.tasks for run in others)})
    table = [
        "| model | task | metric | n | base | score | difference | 95% interval | p | p (Holm) | p (McNemar) |",
        "|---|---|---|---:|---:|---:|---:|---|---:|---:|---:|",
        *(_line(run, one, adjusted[str(i)]) for i, (run, one) in enumerate(found)),
    ]
    skipped = ((run.model, ", ".join(_not_compared(base, run))) for run in others)
    parts = [
        f"Base: {base.model}, `{base.path.name}`",
        *(f"`{run.path.name}`: {run.chosen}" for run in (base, *others) if run.chosen),
        "\n".join(table),
        *(f"Not compared with {model}: {names}" for model, names in skipped if names),
        "\n".join(f"- `{rule}`" for rule in [*rules, signature(resamples=RESAMPLES)]),
    ]
    return "\n\n".join(parts) + "\n"


def _line(run: Run, one: Comparison, adjusted: float) -> str:
    low, high = one.difference.low, one.difference.high
    return row(
        run.model,
        one.name,
        one.metric,
        str(one.n),
        f"{one.base:.4f}",
        f"{one.other:.4f}",
        f"{one.difference.mean:+.4f}",
        "one image" if isnan(low) else f"{low:+.4f} to {high:+.4f}",
        _show_p(one.difference.p),
        _show_p(adjusted),
        "" if one.mcnemar_p is None else _show_p(one.mcnemar_p),
    )


def _show_p(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"
