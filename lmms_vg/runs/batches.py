"""Notes of a comparison on batches: sums over other batches run in another order, which may change an answer.

In float32 this moves logits by about 1e-6 and next to no answer; in bfloat16 it moves some answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from lmms_vg.runs.results import Run, TaskRun


def batch_notes(runs: Sequence[Run], base: Run) -> list[str]:
    """Name the runs whose questions shared batches of other sizes than in the base, and count what that did to one method.

    Two runs of one method with the same hyper-parameters differ in nothing but their batches (and in what was allowed to
    differ), so their differing answers are counted.
    """
    notes = []
    for first, second in combinations(runs, 2):
        sizes = [
            (before.batches[uid], after.batches[uid])
            for before, after in _common(first, second)
            for uid in before.batches
            if uid in after.batches
        ]
        different = sum(old != new for old, new in sizes)
        if different and base in (first, second):
            ranges = [
                f"{run.label}: {_range(column)}"
                for run, column in zip((first, second), zip(*sizes, strict=True), strict=True)
            ]
            notes.append(
                f"Batches differ: {different} of {len(sizes)} questions shared their batch with another number of questions "
                f"({'; '.join(ranges)} per batch)"
            )
        if (
            first.method is not None
            and first.method == second.method
            and (different or _stated(first) != _stated(second))
        ):
            notes.append(_changed(first, second))
    return notes


def _changed(first: Run, second: Run) -> str:
    answers = [
        (before.answers[uid], after.answers[uid])
        for before, after in _common(first, second)
        for uid in before.answers
        if uid in after.answers
    ]
    changed = sum(old != new for old, new in answers)
    dtypes = " and ".join(dict.fromkeys(str((run.provenance or {}).get("dtype")) for run in (first, second)))
    return (
        f"Answers differ: {changed} of {len(answers)} between {first.label} and {second.label}, which are one method in other "
        f"batches (dtype {dtypes})"
    )


def _common(first: Run, second: Run) -> Iterator[tuple[TaskRun, TaskRun]]:
    return ((first.tasks[task], second.tasks[task]) for task in first.tasks if task in second.tasks)


def _stated(run: Run) -> object:
    return (run.provenance or {}).get("batch_size")


def _range(sizes: Sequence[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low} to {high}"
