"""Finished runs as one submission: what does not go together, or stands for less than it seems to, is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lmms_vg._util.error_codes import UNMEASURED
from lmms_vg.datasets.source import DataError
from lmms_vg.journal.provenance import COMPUTING
from lmms_vg.runs.lmms_eval_output import read_run, samples
from lmms_vg.runs.results import MEASURED, SCORED, Line, Run
from lmms_vg.submission.choice import Choice
from lmms_vg.submission.findings import Finding, Rejected, rejected
from lmms_vg.submission.question_check import question_of
from lmms_vg.submission.rescoring import Pair, Scored, measures, rules_of, scored, verdict
from lmms_vg.submission.schema import BundleAlignment, BundleAnswer, BundleQuestion
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition, groups, tasks

_APART = {"settings", "shared", "leaks", "commit"}  # of a run's identity: what may differ between its parts
_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


class CollectedTask(NamedTuple):
    """One task of a run: answers with their questions, what this version makes of them, and what lmms-eval made."""

    pairs: list[Pair]
    scored: Scored
    metrics: dict[str, Any]


class Collected(NamedTuple):
    """Everything of a submission but the model card. ``groups``: group -> metric -> value.

    ``ignored`` are tasks of the runs that are not ours, ``left_out`` those that are ours and were not chosen.
    """

    provenance: dict[str, Any]
    seeds: dict[str, int | None]
    parts: dict[str, CollectedTask]
    groups: dict[str, dict[str, Any]]
    ignored: list[str]
    left_out: list[str]


def read(path: Path) -> Run:
    """One run; of several in a folder nobody can tell which is meant. Errors: Rejected; ValueError for what is no run."""
    if not path.exists():
        raise ValueError(f"{path}: there is no such folder or file")
    run = read_run(path)
    if run.notes:
        remedy = f"name the one that is meant, or its *_results.json, or each of them ({path}/*)"
        raise rejected("mixed", str(path), f"{remedy}: {'; '.join(run.notes)}")
    return run


def collect(paths: Sequence[Path], choice: Choice) -> Collected:
    """What was chosen of runs of one model with one method.

    Errors: Rejected with every reason that was found; ValueError for what is no run, and a choice that the runs do not have.
    """
    runs = [read(path) for path in paths]
    reasons = [reason for run in runs for reason in _alone(run)] + list(_together(runs))
    if reasons:
        raise Rejected(*reasons)
    there = dict.fromkeys(task for run in runs for task in _tasks(run))
    choice.require([task for task in there if task in tasks()])
    parts: dict[str, CollectedTask] = {}
    for run in runs:
        for task in _tasks(run):
            if task not in tasks() or not choice.takes(task):
                continue
            part = _part(run, task)
            if task in parts and [answer.answer for _, answer in part.pairs] != [
                a.answer for _, a in parts[task].pairs
            ]:
                raise rejected("mixed", task, "is in two of the runs, with other answers; name one of them")
            parts.setdefault(task, part)
    averaged = {
        name: found
        for run in runs
        for name, of in run.groups.items()
        if {*of} <= {*parts} and (found := _group(run, name))
    }
    return Collected(
        _identity(runs),
        _seeds(runs),
        dict(sorted(parts.items())),
        dict(sorted(averaged.items())),
        ignored=[task for task in there if task not in tasks()],
        left_out=[task for task in there if task in tasks() and task not in parts],
    )


def _tasks(run: Run) -> list[str]:
    return [*run.tasks, *run.measured, *run.left_out]


def _alone(run: Run) -> Iterator[Finding]:
    if run.restricted:
        yield Finding("restricted", run.path.name, f"was run with {run.restricted}; run it again without")
    if run.provenance is None:
        yield Finding(
            "provenance", run.path.name, f"{run.model} is no model of lmms_vg, or was run before it signed its results"
        )


def _together(runs: list[Run]) -> Iterator[Finding]:
    first, *others = runs
    for run in others:
        for name in sorted((first.provenance or {}).keys() | (run.provenance or {}).keys()):
            mine, theirs = (_bearing(one, name) for one in (first, run))
            if name not in _APART and mine != theirs:
                theirs, mine = (run.label, first.label) if name == "method" else (theirs, mine)
                said = f"{name} is {str(theirs)[:80]}, but {str(mine)[:80]} in {first.path}"
                yield Finding(
                    "mixed",
                    str(run.path),
                    f"{said}; a bundle is of one model with one method: with a folder after -o "
                    "instead of a .zip, each method gets one",
                )


def _bearing(run: Run, name: str) -> Any:
    """A value of a run's provenance, as far as it bears on the answers: of versions, those of libraries that compute."""
    value = (run.provenance or {}).get(name)
    if name == "versions" and isinstance(value, dict):
        return {library: value.get(library) for library in COMPUTING}
    return value


def _part(run: Run, task: str) -> CollectedTask:
    lines = samples(run.path, task)
    questions = _questions(task)
    if len(lines) != len(questions):
        raise rejected(
            "count", task, f"{len(lines)} answers in {run.path.name}, but the benchmark has {len(questions)} questions"
        )
    config = definition(task)
    lines = sorted(lines, key=lambda line: line["doc_id"])
    given = [(question, _answer(question.uid, line)) for question, line in zip(questions, lines, strict=True)]
    made = scored(task, given)
    failed = [
        answer.uid for (_, answer), *both in zip(given, lines, made.lines, strict=True) if _has_failed(task, *both)
    ]
    if failed:
        raise _failed(task, failed)
    for question, line, mine in zip(questions, lines, made.lines, strict=True):
        if (line["input"], line["target"], _uid(line)) != (mine["input"], mine["target"], _uid(mine)):
            raise rejected(
                "questions", f"{task} {question.uid}", "was asked or is scored in other words than this version's"
            )
        if verdict(line) != verdict(mine):
            if (theirs := rules_of([line])) != (ours := rules_of([mine])):
                raise rejected(
                    "outdated-rule",
                    f"{task} {question.uid}",
                    f"was scored by {'; '.join(theirs.values())}, here by {'; '.join(ours.values())}, which read it "
                    "otherwise; run the same command again, which scores the answers anew",
                )
            raise rejected(
                "verdict", f"{task} {question.uid}", "the samples file has another verdict than the answer gives"
            )
    pairs = [
        (question, answer.model_copy(update=vars(verdict(line))))
        for (question, answer), line in zip(given, made.lines, strict=True)
    ]
    names = {one["metric"] for one in config["metric_list"]}
    stated = {name: run.means[task].get(name) for name in made.metrics if name in names}
    said = {name: rule for name, rule in rules_of(lines).items() if name in rescore.NEEDS_MODEL}
    made = made._replace(rules=made.rules | said)  # of values that are not computed here
    return CollectedTask(
        pairs, made, {name: value if isinstance(value, int | float) else None for name, value in stated.items()}
    )


def _has_failed(task: str, line: Line, mine: Line) -> bool:
    """Where a model gave no answer; not where the question itself has no reference, or no box that the model sees."""
    code = verdict(line).error_code
    if code is None:
        return False
    return code not in UNMEASURED if measures(task) else code != verdict(mine).error_code


def _uid(line: Line) -> str | None:
    """None where a line does not name its question, as those that are submitted elsewhere."""
    return next(
        (line[metric].get("uid") for metric in (*SCORED, MEASURED[0]) if isinstance(line.get(metric), dict)), None
    )


def _group(run: Run, name: str) -> dict[str, Any]:
    averaged = [one["metric"] for one in definition(name).get("aggregate_metric_list", ())] if name in groups() else []
    return {metric: run.means[name][metric] for metric in averaged if metric in run.means[name]}


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
    """Of a samples file's line: the text that was scored, and for measurements where the model looked."""
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
    return BundleAnswer(uid=uid, answer=str(text), alignment=alignment, seconds=line["n"].get("seconds"), **failure)


def _identity(runs: list[Run]) -> dict[str, Any]:
    every = [run.provenance or {} for run in runs]
    commits = sorted({str(one["commit"]) for one in every if one.get("commit")})
    made = every[0] | {"commit": " and ".join(commits) or None}
    for name in ("shared", "leaks"):
        made[name] = sorted({value for one in every for value in one.get(name) or ()})
    names = sorted({name for one in every for name in one.get("settings", ())})
    return made | {"settings": {name: _agreed([one.get("settings", {}).get(name) for one in every]) for name in names}}


def _agreed(values: list[Any]) -> Any:
    """A setting of all parts; what weights and circumstances do not fix, such as how a folder was named, may differ."""
    same = all(value == values[0] for value in values)
    return values[0] if same else " and ".join(sorted({str(value) for value in values}))


def _seeds(runs: list[Run]) -> dict[str, int | None]:
    every = [json.loads(run.path.read_text(encoding="utf-8"))["config"] for run in runs]
    seeds = [{name: config.get(name) for name in _SEEDS} for config in every]
    if any(one != seeds[0] for one in seeds):
        raise rejected("mixed", "seeds", "the runs were started with different --seed")
    return seeds[0]
