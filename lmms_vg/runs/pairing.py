"""Which questions runs are paired on: the same ones, with the same reference answer, in the same words, by the same rule."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from lmms_vg.runs.results import Run, TaskRun

_FEW = 3  # questions named in a message


def common(
    base: Run, others: list[Run], tasks: list[str], allowed: Collection[str]
) -> tuple[dict[tuple[Path, str], TaskRun], list[str]]:
    """(path of the run, task) -> its scores of the questions that all runs with this task have; and what was left out.

    Errors: ValueError if the runs have scores of different questions or asked in different words, unless that is allowed, if
    no question is left, and if they were scored by different rules.
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
            mine, first = run.tasks[task], base.tasks[task]
            if mine.rule != first.rule:
                raise ValueError(f"{task}: scored by {first.rule} in one run and by {mine.rule} in the other")
            reworded = [uid for uid in kept if uid in first.asked and mine.asked[uid].prompt != first.asked[uid].prompt]
            if reworded and "prompt" not in allowed:
                raise ValueError(
                    f"{run.path}: {task}: {_count(reworded, 'was', 'were')} asked in other words than in {base.path}: "
                    f"{_first(reworded)}. Run one of them again like the other, or allow it by name: --allow prompt"
                )
            if reworded:
                notes.append(
                    f"Allowed to differ: prompt ({run.label}: {_count(reworded, 'has', 'have')} other words in {task})"
                )
            paired[run.path, task] = replace(mine, scores={uid: mine.scores[uid] for uid in kept})
        left_out = {run.label: len(run.tasks[task].scores) - len(kept) for run in runs}
        if any(left_out.values()):
            each = ", ".join(f"{number} of {label}" for label, number in left_out.items())
            notes.append(f"Allowed to differ: questions ({task}: the {len(kept)} that all have; left out are {each})")
    return paired, notes


def _is_asked(task: str, uid: str, base: Run, run: Run) -> bool:
    mine, first = run.tasks[task], base.tasks[task]
    return uid in mine.scores and _reference(mine, uid) == _reference(first, uid)


def _reference(task: TaskRun, uid: str) -> str:
    return task.asked[uid].reference if uid in task.asked else ""


def _same_questions(task: str, base: Run, other: Run) -> None:
    first, second = base.tasks[task], other.tasks[task]
    said, repeat = [], []
    for which, pair in ((base, other), (other, base)):
        mine, theirs = which.tasks[task], pair.tasks[task]
        only = [uid for uid in mine.scores if uid not in theirs.scores]
        failed = theirs.failed.keys() & set(only)
        if failed:
            repeat.append(pair.label)
        if only:
            every = "it" if len(only) == 1 else "all"
            how_many = f"{every} failed" if len(failed) == len(only) else f"{len(failed) or 'none'} failed"
            has = _count(only, "has", "have")
            said.append(f"{has} a score in {which.label} only ({how_many} in {pair.label}): {_first(only)}")
    changed = [uid for uid in first.scores if uid in second.scores and not _is_asked(task, uid, base, other)]
    if changed:
        said.append(f"{_count(changed, 'has', 'have')} another reference answer: {_first(changed)}")
    if said:
        advice = f". Run {' and '.join(repeat)} again: failures are asked anew" if repeat else ""
        raise ValueError(
            f"{task}: {base.path} and {other.path} have scores of different questions, so they cannot be paired. "
            f"{'; '.join(said)}{advice}. Or pair those that they have in common: --allow questions"
        )


def _count(uids: list[str], one: str, several: str) -> str:
    return f"1 question {one}" if len(uids) == 1 else f"{len(uids)} questions {several}"


def _first(uids: list[str]) -> str:
    return ", ".join(uids[:_FEW]) + (", ..." if uids[_FEW:] else "")
