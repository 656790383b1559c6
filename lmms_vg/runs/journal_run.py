"""A journal read as a finished run: its answers are scored anew, each by the ``process_results`` of its task's YAML.

A journal holds the answers of all runs of its configuration; it stands for the tasks it has in full, decoded
as the task says (``--gen_kwargs`` is another protocol).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmms_vg import journal
from lmms_vg.journal import Record
from lmms_vg.journal.decoding import Decoding
from lmms_vg.runs.results import Run, TaskRun, metric_of, partial, rules, task_run
from lmms_vg.tasks import rescore, yaml_files
from lmms_vg.tasks.documents import documents
from lmms_vg.tasks.metric_items import Doc
from lmms_vg.tasks.registry import READERS


def read_journal(folder: Path) -> Run:
    """The tasks of which a journal has every answer. What failed, and was not answered since, has failed.

    Errors: ValueError if none of its tasks is finished. RunFailed if the data of one are missing.
    """
    runs, answers = _read(sorted(folder.glob("rank*.jsonl")))
    provenance = _provenance(runs)
    tasks: dict[str, TaskRun] = {}
    means: dict[str, dict[str, Any]] = {}
    measured: list[str] = []
    measured_rules: set[str] = set()
    left_out: list[str] = []
    unfinished: list[str] = []
    in_part = False
    for task, records in answers.items():
        if task not in yaml_files.tasks():
            left_out.append(task)
            continue
        docs = list(documents(task, READERS[task].read, None))
        decoding = _decoding(yaml_files.definition(task))
        chosen = {uid: _one(of_one, decoding) for uid, of_one in records.items()}
        if missing := _missing(docs, chosen):
            unfinished.append(f"{task}: {missing}")
            continue
        lines = list(rescore.score(task, _answered(docs, chosen)))
        in_part |= partial(lines)
        means[task] = dict(rescore.means(task, lines))
        if (metric := metric_of(lines[0])) is not None:
            tasks[task] = task_run(folder, task, metric, lines)
        elif "kl" in means[task]:
            measured.append(task)
            measured_rules.update(rules(folder, lines).values())
        else:
            left_out.append(task)
    if not tasks and not measured:
        found = "; ".join(unfinished) or f"no scores of questions or measurements ({', '.join(left_out) or 'empty'})"
        advice = ". Run the same command again: it goes on where it stopped" if unfinished else ""
        raise ValueError(f"{folder}: {found}{advice}")
    groups = {group: members for group, members in yaml_files.groups().items() if tasks.keys() >= set(members)}
    return Run(
        folder,
        _model(folder, provenance),
        "LMMS_VG_PARTIAL_DATA=1" if in_part else "",
        [f"left out, as it is not finished: {one}" for one in unfinished],
        tasks,
        groups,
        measured,
        left_out,
        means | {group: {} for group in groups},
        provenance,
        measured_rules=frozenset(measured_rules),
    )


def _read(paths: list[Path]) -> tuple[list[dict[str, Any]], dict[str, dict[str, list[Record]]]]:
    """The provenance of every process that wrote the journal; and task -> uid -> its records."""
    runs: list[dict[str, Any]] = []
    records: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for entry in journal.read_entries(paths):
        if isinstance(entry, Record):
            records[entry.task][entry.uid].append(entry.without_heads())
        elif entry:
            runs.append(entry)
    return runs, records


def _provenance(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """All processes that wrote a journal are of one identity; they may have answered alone or for several methods."""
    shared = [run["shared"] for run in runs if "shared" in run]
    return journal.without_folders(runs[-1]) | ({"shared": shared[-1]} if shared else {}) if runs else None


def _decoding(config: dict[str, Any]) -> dict[str, Any]:
    """How a task's answers are decoded, as a journal has it."""
    penalise_prompt = config.get("metadata", {}).get("penalise_prompt", True)
    settings = Decoding.from_lmms_eval(config["generation_kwargs"], penalise_prompt)
    return json.loads(json.dumps(settings.as_key()))


def _one(records: list[Record], decoding: dict[str, Any]) -> Record | None:
    """The answer that counts; None if it was given otherwise only, or if there are several, of which none can be preferred."""
    given = [record for record in records if record.error is None]
    answers = {record.key: record for record in given if record.decoding == decoding}  # of one key the last
    if not answers:
        return None if given else records[-1]
    *others, last = answers.values()
    same = all((one.text, one.alignment) == (last.text, last.alignment) for one in others)
    return last if same else None


def _missing(docs: list[dict[str, Any]], records: dict[str, Record | None]) -> str:
    done = sum(records.get(doc["uid"]) is not None for doc in docs)
    other = sum(doc["uid"] in records and records[doc["uid"]] is None for doc in docs)
    if done == len(docs):
        return ""
    unusable = f"; {other} have answers under --gen_kwargs only, or two that differ" if other else ""
    return f"{done} of {len(docs)} questions are answered{unusable}"


def _answered(docs: list[Doc], records: dict[str, Record | None]) -> Iterator[tuple[Doc, Record]]:
    for doc in docs:
        record = records[doc["uid"]]
        assert record is not None, "_missing found none"
        yield doc, record


def _model(folder: Path, provenance: dict[str, Any] | None) -> str:
    name = folder.resolve().name.rpartition("-")[0] or folder.name
    if not provenance or "settings" not in provenance:
        return name
    return f"{name} (pretrained={provenance['settings'].get('pretrained')})"
