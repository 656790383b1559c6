"""Pair runs on the questions they share: same image, same reference answer, same words, same scoring rule."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from lmms_vg.runs.results import Run, TaskRun

_FEW = 3  # questions named in a message


def common(
    base: Run, others: list[Run], tasks: list[str], allowed: Collection[str]
) -> tuple[dict[tuple[Path, str], TaskRun], list[str]]:
    """Restrict runs to the questions that all runs with a task have scored.

    Args:
        base: The run that the others are compared with.
        others: The other runs; a run that lacks a task is not paired on it.
        tasks: Tasks of the base.
        allowed: What may differ: `questions`, `prompt`.

    Returns:
        (path of the run, task) -> its scores of the common questions; and notes about what was left out.

    Raises:
        ValueError: Questions or their words differ and that is not allowed, no question is left, or rules differ.
    """
    paired: dict[tuple[Path, str], TaskRun] = {}
    notes: list[str] = []
    for task in tasks:
        runs = [run for run in (base, *others) if task in run.tasks]
        for run in runs[1:]:
            if "questions" not in allowed:
                _same_questions(task, base, run)
        kept = [uid for uid in base.tasks[task].scores if all(_is_asked(task, uid, base, run) for run in runs)]
        if not kept:
            raise ValueError(f"{task}: no question has a score" + (" in all runs" if len(runs) > 1 else ""))
        for run in runs:
            scored, first = run.tasks[task], base.tasks[task]
            if scored.rule != first.rule:
                raise ValueError(f"{task}: scored by {first.rule} in one run and by {scored.rule} in the other")
            reworded = [
                uid for uid in kept if uid in first.asked and scored.asked[uid].prompt != first.asked[uid].prompt
            ]
            if reworded and "prompt" not in allowed:
                raise ValueError(
                    f"{run.path}: {task}: {_count(reworded, 'was', 'were')} asked in other words than in {base.path}: "
                    f"{_first(reworded)}. Run one of them again like the other, or allow it by name: --allow prompt"
                )
            if reworded:
                notes.append(
                    f"Allowed to differ: prompt ({run.label}: {_count(reworded, 'has', 'have')} other words in {task})"
                )
            paired[run.path, task] = replace(scored, scores={uid: scored.scores[uid] for uid in kept})
        left_out = {run.label: len(run.tasks[task].scores) - len(kept) for run in runs}
        if any(left_out.values()):
            counts = ", ".join(f"{number} of {label}" for label, number in left_out.items())
            notes.append(f"Allowed to differ: questions ({task}: {len(kept)} are in all runs; left out are {counts})")
    return paired, notes


def _is_asked(task: str, uid: str, base: Run, run: Run) -> bool:
    other, first = run.tasks[task], base.tasks[task]
    return (
        uid in other.scores
        and _reference(other, uid) == _reference(first, uid)
        and not _shows_another(other, first, uid)
    )


def _shows_another(other: TaskRun, first: TaskRun, uid: str) -> bool:
    """Return whether a question has another image or patient, as after an edit of a file of own questions between two runs."""
    by_patient = ["patient" in task.units.get(uid, {}) for task in (other, first)]  # an older version may name none
    return by_patient[0] == by_patient[1] and other.images.get(uid) != first.images.get(uid)


def _reference(task: TaskRun, uid: str) -> str:
    return task.asked[uid].reference if uid in task.asked else ""


def _same_questions(task: str, base: Run, other: Run) -> None:
    first, second = base.tasks[task], other.tasks[task]
    differences, repeat = [], []
    for run, partner in ((base, other), (other, base)):
        only = [uid for uid in run.tasks[task].scores if uid not in partner.tasks[task].scores]
        failed = partner.tasks[task].failed.keys() & set(only)
        if failed:
            repeat.append(partner.label)
        if only:
            subject = "it" if len(only) == 1 else "all"
            how_many = f"{subject} failed" if len(failed) == len(only) else f"{len(failed) or 'none'} failed"
            has = _count(only, "has", "have")
            differences.append(f"{has} a score in {run.label} only ({how_many} in {partner.label}): {_first(only)}")
    changed = [uid for uid in first.scores if uid in second.scores and not _is_asked(task, uid, base, other)]
    if changed:
        differences.append(f"{_count(changed, 'has', 'have')} another image or reference answer: {_first(changed)}")
    if differences:
        advice = f". Run {' and '.join(repeat)} again: failed questions are asked again" if repeat else ""
        raise ValueError(
            f"{task}: {base.path} and {other.path} have scores of different questions, so they cannot be paired. "
            f"{'; '.join(differences)}{advice}. Or pair the questions they share: --allow questions"
        )


def _count(uids: list[str], singular: str, plural: str) -> str:
    return f"1 question {singular}" if len(uids) == 1 else f"{len(uids)} questions {plural}"


def _first(uids: list[str]) -> str:
    return ", ".join(uids[:_FEW]) + (", ..." if uids[_FEW:] else "")
