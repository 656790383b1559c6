"""Is one run better than another: differences on the same questions, with intervals and tests corrected for their number."""

from collections.abc import Iterator
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.statistics import Difference, holm, mcnemar, paired
from lmms_vg.study.runs import Run, TaskRun


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

    Errors: ValueError for a restricted run, for runs without a common task, and for question sets that differ.
    """
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
            f"{base.path} has {', '.join(base.tasks)}; {other.path} has {', '.join(other.tasks)}: nothing in common"
        )
    return [
        _compare(name, [base.tasks[task] for task in tasks], [other.tasks[task] for task in tasks])
        for name, tasks in names.items()
        if len({base.tasks[task].metric for task in tasks}) == 1
    ]


def _compare(name: str, base: list[TaskRun], other: list[TaskRun]) -> Comparison:
    for one, two in zip(base, other, strict=True):
        if one.rule != two.rule:
            raise ValueError(f"{one.task}: scored by {one.rule} in one run and by {two.rule} in the other")
    first, second = _scores(base), _scores(other)
    images = {(part.task, uid): image for part in base for uid, image in part.images.items()}
    try:
        difference = paired(first, second, images)
        binary = {*first.values(), *second.values()} <= {0, 1}
        p = mcnemar(first, second).p if binary else None
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from problem
    return Comparison(name, base[0].metric, len(first), fmean(first.values()), fmean(second.values()), difference, p)


def _scores(parts: list[TaskRun]) -> dict[tuple[str, str], float]:
    return {(part.task, uid): score for part in parts for uid, score in part.scores.items()}


def show(base: Run, others: list[Run]) -> str:
    """Markdown: a table a run, p-values corrected by Holm over all comparisons shown."""
    found = [(run, one) for run in others for one in compare(base, run)]
    p_values = {i: one.difference.p if one.mcnemar_p is None else one.mcnemar_p for i, (_, one) in enumerate(found)}
    adjusted = holm(p_values)
    return "\n".join(_lines(base, found, adjusted)) + "\n"


def _lines(base: Run, found: list[tuple[Run, Comparison]], adjusted: dict[int, float]) -> Iterator[str]:
    yield f"| against {base.model} | task | metric | n | {base.model} | other | difference (95%) | p | p (Holm) |"
    yield "|---|---|---|---:|---:|---:|---|---:|---:|"
    for i, (run, one) in enumerate(found):
        low, high = one.difference.low, one.difference.high
        p = one.difference.p if one.mcnemar_p is None else one.mcnemar_p
        test = "bootstrap" if one.mcnemar_p is None else "McNemar"
        yield (
            f"| {run.model} | {one.name} | {one.metric} | {one.n} | {one.base:.4f} | {one.other:.4f} "
            f"| {one.difference.mean:+.4f} ({low:+.4f} to {high:+.4f}) | {p:.4f} {test} | {adjusted[i]:.4f} |"
        )
