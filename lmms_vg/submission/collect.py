"""Collect finished runs into one submission; refuse runs that do not belong together or cover only part of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg._util.error_codes import UNMEASURED
from lmms_vg.datasets.source import DataError
from lmms_vg.runs.lmms_eval_output import read_run, samples
from lmms_vg.runs.results import MEASURED, SCORED, Line, Run
from lmms_vg.submission.choice import Choice
from lmms_vg.submission.findings import Rejected, rejected
from lmms_vg.submission.identity import conflicts, identity, seeds
from lmms_vg.submission.journal_looks import JournalLooks, journal_looks, with_map_values
from lmms_vg.submission.question_check import question_of
from lmms_vg.submission.rescoring import Pair, Scored, rules_of, scored, verdict
from lmms_vg.submission.schema_lines import BundleAlignment, BundleAnswer, BundleFirstToken, BundleQuestion
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition, groups, tasks


class CollectedTask(NamedTuple):
    """One task of a run: its questions and answers, their scores by this version, and the means that lmms-eval printed.

    Attributes:
        looks: what its journal's maps give, or why there are none; empty if it is no measurement.
    """

    pairs: list[Pair]
    scored: Scored
    metrics: dict[str, Any]
    looks: JournalLooks | str = ""


class Collected(NamedTuple):
    """Everything in a submission but the model card.

    Attributes:
        identity: the manifest's `run` or `declared`, under its name.
        groups: group -> metric -> value.
        ignored: tasks of the runs that are not ours.
        left_out: tasks of ours that were not chosen.
    """

    identity: dict[str, Any]
    seeds: dict[str, int | None]
    parts: dict[str, CollectedTask]
    groups: dict[str, dict[str, Any]]
    ignored: list[str]
    left_out: list[str]


def read(path: Path) -> Run:
    """Read one run; a folder of several is refused, because nobody can tell which one is meant.

    Raises:
        Rejected: the folder holds several runs.
        ValueError: there is no run.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such folder or file")
    run = read_run(path)
    if run.notes:
        remedy = f"name the run you mean, or its *_results.json, or each of them ({path}/*)"
        raise rejected("mixed", str(path), f"{remedy}: {'; '.join(run.notes)}")
    return run


def collect(paths: Sequence[Path], choice: Choice) -> Collected:
    """Collect the chosen tasks of runs of one model with one method.

    Raises:
        Rejected: the runs do not make a submission; holds every reason found.
        ValueError: a path is not a run, or the runs lack what was chosen.
    """
    runs = [read(path) for path in paths]
    if reasons := list(conflicts(runs)):
        raise Rejected(*reasons)
    present = dict.fromkeys(task for run in runs for task in _tasks(run))
    choice.require([task for task in present if task in tasks()])
    parts: dict[str, CollectedTask] = {}
    for run in runs:
        for task in _tasks(run):
            if task not in tasks() or not choice.takes(task):
                continue
            part = _part(run, task)
            if task in parts and [answer.answer for _, answer in part.pairs] != [
                a.answer for _, a in parts[task].pairs
            ]:
                raise rejected("mixed", task, "is in two of the runs, with different answers; name one of them")
            parts.setdefault(task, part)
    averaged = {
        name: means
        for run in runs
        for name, members in run.groups.items()
        if {*members} <= {*parts} and (means := _group(run, name))
    }
    return Collected(
        identity(runs),
        seeds(runs),
        dict(sorted(parts.items())),
        dict(sorted(averaged.items())),
        ignored=[task for task in present if task not in tasks()],
        left_out=[task for task in present if task in tasks() and task not in parts],
    )


def _tasks(run: Run) -> list[str]:
    return [*run.tasks, *run.measured, *run.left_out]


def _part(run: Run, task: str) -> CollectedTask:
    lines = samples(run.path, task)
    questions = _questions(task)
    if len(lines) != len(questions):
        raise rejected(
            "count", task, f"{len(lines)} answers in {run.path.name}, but the benchmark has {len(questions)} questions"
        )
    config = definition(task)
    lines = sorted(lines, key=lambda line: line["doc_id"])
    answered = [(question, _answer(question.uid, line)) for question, line in zip(questions, lines, strict=True)]
    result = scored(task, answered)
    failed = [
        answer.uid for (_, answer), *both in zip(answered, lines, result.lines, strict=True) if _has_failed(task, *both)
    ]
    if failed:
        raise _failed(task, failed)
    for question, line, ours in zip(questions, lines, result.lines, strict=True):
        if (line["input"], line["target"], _uid(line)) != (ours["input"], ours["target"], _uid(ours)):
            raise rejected(
                "questions",
                f"{task} {question.uid}",
                "was asked, or is scored, with other words than this version uses",
            )
        if verdict(line) != verdict(ours):
            if (their_rules := rules_of([line])) != (our_rules := rules_of([ours])):
                raise rejected(
                    "outdated-rule",
                    f"{task} {question.uid}",
                    f"was scored by {'; '.join(their_rules.values())}, here by {'; '.join(our_rules.values())}, which reads it "
                    "differently; run the same command again, which scores the answers anew",
                )
            raise rejected(
                "verdict",
                f"{task} {question.uid}",
                "the verdict in the samples file is not the one that the answer gives",
            )
    pairs = [
        (question, answer.model_copy(update=vars(verdict(line))))
        for (question, answer), line in zip(answered, result.lines, strict=True)
    ]
    names = {metric["metric"] for metric in config["metric_list"]}
    stated = {name: run.means[task].get(name) for name in result.metrics if name in names}
    model_rules = {name: rule for name, rule in rules_of(lines).items() if name in rescore.NEEDS_MODEL}
    result = result._replace(rules=result.rules | model_rules)  # rules of values that are not computed here
    looks = journal_looks(run, task, [answer for _, answer in pairs]) if TASKS[task].measures else ""
    if isinstance(looks, JournalLooks):
        asked, answers = zip(*pairs, strict=True)
        pairs = [*zip(asked, with_map_values(answers, looks.values), strict=True)]
    means = {name: value if isinstance(value, int | float) else None for name, value in stated.items()}
    return CollectedTask(pairs, result, means, looks)


def _has_failed(task: str, line: Line, rescored: Line) -> bool:
    """Return whether the model gave no answer; a question without a reference, or without a visible box, is no failure."""
    code = verdict(line).error_code
    if code is None:
        return False
    return code not in UNMEASURED if TASKS[task].measures else code != verdict(rescored).error_code


def _uid(line: Line) -> str | None:
    """Return the question's uid; None for lines without one, such as those of tasks that are scored elsewhere."""
    return next(
        (line[metric].get("uid") for metric in (*SCORED, MEASURED[0]) if isinstance(line.get(metric), dict)), None
    )


def _group(run: Run, group: str) -> dict[str, Any]:
    averaged = (
        [item["metric"] for item in definition(group).get("aggregate_metric_list", ())] if group in groups() else []
    )
    return {name: run.means[group][name] for name in averaged if name in run.means[group]}


def _failed(task: str, uids: list[str]) -> Rejected:
    named = ", ".join(uids[:3]) + (", ..." if len(uids) > 3 else "")
    return rejected(
        "failed", task, f"{len(uids)} questions have no answer ({named}); run it again: failures are asked anew"
    )


def _questions(task: str) -> list[BundleQuestion]:
    try:
        return [question_of(sample) for sample in TASKS[task].load()]
    except DataError as problem:
        raise ValueError(f"{task}: its questions are needed to make a bundle. {problem}") from problem


def _answer(uid: str, line: Line) -> BundleAnswer:
    """Return the answer of a samples file's line: the text that was scored, and the alignment of measurements."""
    text = line["filtered_resps"]
    text = text[0] if isinstance(text, list) else text
    item = line.get(MEASURED[0])
    alignment = None
    if isinstance(item, dict) and "printed_ar" in item:
        alignment = BundleAlignment(
            ar=item["ar"],
            printed_ar=item["printed_ar"],
            kl=item["kl"],
            js=line["js"]["js"],
            version=item.get("version", 1),
        )
    failure = {name: item[name] for name in ("error", "error_code") if isinstance(item, dict) and name in item}
    cost = {name: line["n"].get(name) for name in ("seconds", "batch")}
    first = line["n"].get("first_token")
    weighed = None if first is None else BundleFirstToken(**first)
    return BundleAnswer(uid=uid, answer=str(text), alignment=alignment, first_token=weighed, **cost, **failure)
