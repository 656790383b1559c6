"""Read a journal as a finished run: the `process_results` of each task scores the answers again.

A journal holds the answers of all runs of its configuration. Only tasks count whose questions are all answered, decoded as
the task says (`--gen_kwargs` is another protocol).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lmms_vg import journal
from lmms_vg.datasets.own_images import OWN_ENV
from lmms_vg.journal import Record
from lmms_vg.journal.decoding import Decoding
from lmms_vg.runs.journal_answers import JournalAnswers
from lmms_vg.runs.results import Run, TaskRun, metric_of
from lmms_vg.runs.task_lines import partial as is_partial
from lmms_vg.runs.task_lines import rules, task_run
from lmms_vg.tasks import own_tasks, rescore, yaml_files
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.metric_items import Doc
from lmms_vg.tasks.registry import TASKS


def read_journal(folder: Path) -> Run:
    """Read the tasks of which a journal has every answer. A question that failed and was not answered later has failed.

    Raises:
        ValueError: None of its tasks is finished.
        RunFailed: The data of a task are missing.
    """
    with JournalAnswers(sorted(folder.glob("rank*.jsonl"))) as answers:
        return _run(folder, answers)


def _run(folder: Path, answers: JournalAnswers) -> Run:
    provenance = _provenance(answers.runs)
    tasks: dict[str, TaskRun] = {}
    means: dict[str, dict[str, Any]] = {}
    measured: list[str] = []
    measured_rules: set[str] = set()
    measurements: dict[str, TaskRun] = {}
    left_out: list[str] = []
    unfinished: list[str] = []
    in_part, own = False, own_tasks.here() if any(task.startswith("own_") for task in answers.places) else {}
    for task in answers.places:
        if task not in yaml_files.tasks() and task not in own:
            left_out.append(task)
            continue
        docs = list(documents(task, TASKS[task].read if task in TASKS else partial(own_tasks.samples, task), None))
        decoding = _decoding(yaml_files.definition(task), (provenance or {}).get("sampling_seed"))
        chosen = {uid: _answer(answers.records(task, uid), decoding) for uid in answers.places[task]}
        if missing := _missing(docs, chosen):
            unfinished.append(f"{task}: {missing}")
            continue
        lines = list(rescore.score(task, _answered(docs, chosen, answers)))
        in_part |= is_partial(lines)
        means[task] = dict(rescore.means(task, lines))
        if (metric := metric_of(lines[0])) is not None:
            tasks[task] = task_run(folder, task, metric, lines)
        elif "kl" in means[task]:
            measured.append(task)
            measured_rules.update(rules(folder, lines).values())
            measurements[task] = task_run(folder, task, "ar", lines)
        else:
            left_out.append(task)
    if not tasks and not measured:
        reason = (
            "; ".join(unfinished or _without_files(left_out))
            or f"no scores of questions or measurements ({', '.join(left_out) or 'empty'})"
        )
        advice = ". Run the same command again: it continues where it stopped" if unfinished else ""
        raise ValueError(f"{folder}: {reason}{advice}")
    known = yaml_files.groups() | (own_tasks.own_groups() if own else {})
    groups = {group: members for group, members in known.items() if tasks.keys() >= set(members)}
    groups = {group: members for group, members in groups.items() if len(members) > 1 or group in yaml_files.groups()}
    return Run(
        folder,
        _model(folder, provenance),
        "LMMS_VG_PARTIAL_DATA=1" if in_part else "",
        [*(f"left out, as it is not finished: {task}" for task in unfinished), *_without_files(left_out)],
        tasks,
        groups,
        measured,
        left_out,
        means | {group: {} for group in groups},
        provenance,
        measured_rules=frozenset(measured_rules),
        measurements=measurements,
    )


def _without_files(left_out: list[str]) -> list[str]:
    """Return one note on own questions whose file is not named, with the next command."""
    tasks = [task for task in left_out if task.startswith("own_")]
    if not tasks:
        return []
    return [
        f"left out, as {OWN_ENV} does not name their file: {', '.join(tasks)}; name it as for the run: "
        f"{OWN_ENV}=FILE.jsonl lmms-vg report JOURNAL"
    ]


def _provenance(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """All processes that wrote a journal have the same identity, but may have answered for one or several methods."""
    shared = [run["shared"] for run in runs if "shared" in run]
    return journal.without_folders(runs[-1]) | ({"shared": shared[-1]} if shared else {}) if runs else None


def _decoding(config: dict[str, Any], sampling_seed: int | None) -> dict[str, Any]:
    """Return a task's decoding in the form that a journal stores; if it samples, with the run's own seed."""
    penalise_prompt = config.get("metadata", {}).get("penalise_prompt", True)
    decoding = Decoding.from_lmms_eval(config["generation_kwargs"], penalise_prompt)
    return (decoding if sampling_seed is None else replace(decoding, seed=sampling_seed)).as_key()


def _answer(records: list[tuple[int, Record]], decoding: dict[str, Any]) -> int | None:
    """Place of the answer that counts; None if all were decoded differently, or if several differ."""
    answered = [(place, record) for place, record in records if record.error is None]
    of_key = {
        record.key: (place, record) for place, record in answered if record.decoding == decoding
    }  # the last of each
    if not of_key:
        return None if answered or not records else records[-1][0]
    *others, (place, last) = of_key.values()
    same = all((other.text, other.alignment) == (last.text, last.alignment) for _, other in others)
    return place if same else None


def _missing(docs: list[Doc], chosen: dict[str, int | None]) -> str:
    done = sum(chosen.get(doc["uid"]) is not None for doc in docs)
    other = sum(doc["uid"] in chosen and chosen[doc["uid"]] is None for doc in docs)
    if done == len(docs):
        return ""
    unusable = f"; {other} have only answers under --gen_kwargs, or answers that differ" if other else ""
    return f"{done} of {len(docs)} questions are answered{unusable}"


def _answered(docs: list[Doc], chosen: dict[str, int | None], answers: JournalAnswers) -> Iterator[tuple[Doc, Record]]:
    for doc in docs:
        place = chosen[doc["uid"]]
        assert place is not None, "_missing has checked this"
        yield doc, answers.record(place)


def _model(folder: Path, provenance: dict[str, Any] | None) -> str:
    name = folder.resolve().name.rpartition("-")[0] or folder.name
    if not provenance or "settings" not in provenance:
        return name
    return f"{name} (pretrained={provenance['settings'].get('pretrained')})"
