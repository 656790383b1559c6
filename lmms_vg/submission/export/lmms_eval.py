"""Export a bundle as the folder that lmms-eval 0.7.3 writes: a results file, and one samples file per task.

`runs.lmms_eval_output.read_run`, and therefore `lmms-vg report` and `compare`, read it as the run that the bundle was made
from. What a bundle does not hold is left out: the time of the run (hence `_STAMP`), its duration, and the paths. Intervals
are drawn again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmms_vg._util.atomic_files import check_new, write_new
from lmms_vg.runs.results import Line
from lmms_vg.submission.export.arguments import model_args, model_of
from lmms_vg.submission.export.stderr import NONE, standard_errors
from lmms_vg.submission.rescoring import scored
from lmms_vg.submission.schema import Group, Manifest, Task
from lmms_vg.submission.schema_lines import BundleAnswer
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry
from lmms_vg.tasks import rescore
from lmms_vg.tasks.metric_items import with_value
from lmms_vg.tasks.yaml_files import definition

_STAMP = "00000000_000000"


def write(bundle: Path, entry: Entry, out: Path) -> None:
    """Write a new folder; the results file, by which a run is found, comes last.

    Raises:
        ValueError: `out` exists.
    """
    check_new(out)
    results = {}
    for task, stated in entry.manifest.tasks.items():
        answered = list(pairs(bundle, task))
        lines = scored(task, answered).lines
        results[task] = _row(task, stated, lines)
        texts = (
            f"{json.dumps(line, ensure_ascii=False)}\n" for line in _samples(entry, [a for _, a in answered], lines)
        )
        write_new(out / f"{_STAMP}_samples_{task}.jsonl", "".join(texts))
    table = _table(entry.manifest, results)
    write_new(out / f"{_STAMP}_results.json", json.dumps(table, indent=2, ensure_ascii=False))


def _samples(entry: Entry, answers: list[BundleAnswer], lines: list[Line]) -> Iterator[Line]:
    """Yield the lines of a samples file; as with our models, the first says exactly what was run."""
    for number, (answer, line) in enumerate(zip(answers, lines, strict=True)):
        details: Line = answer.model_dump(include={"seconds", "batch"}, exclude_none=True)
        if number == 0 and not entry.declared:
            details["run"] = entry.run.model_dump(exclude_defaults=True)
        sample = line | {"n": line["n"] | details}
        yield {"doc_id": number, "target": sample.pop("target"), "filtered_resps": answer.answer, **sample}


def _row(task: str, stated: Task, lines: list[Line]) -> dict[str, Any]:
    """Return every metric with its standard errors; metrics that need a language model are as submitted."""
    config = definition(task)
    values = stated.metrics | dict(rescore.means(task, lines))
    row: dict[str, Any] = {"alias": task}
    for metric in config["metric_list"]:
        name = metric["metric"]
        items = [line[name] for line in lines]
        value = len(with_value(items)) if name in rescore.WRITES else values.get(name)
        independent, clustered = standard_errors(items, config.get("cluster_key"))
        row |= {f"{name},none": value, f"{name}_stderr,none": NONE}
        row |= {f"{name}_stderr_clt,none": independent, f"{name}_stderr_clustered,none": clustered}
    return row


def _table(manifest: Manifest, results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    groups, run = manifest.groups, manifest.run or manifest.declared
    assert run is not None
    inside = {task for group in groups.values() for task in group.members}
    top = sorted({*groups, *results} - inside)
    averages = {name: _average(name, group) for name, group in groups.items()}
    rows: dict[str, dict[str, Any]] = {}
    for name in top:
        rows[name] = averages.get(name) or results[name]
        members = sorted(groups[name].members) if name in groups else []
        rows |= {task: results[task] | {"alias": f" - {task}"} for task in members}
    better = {
        task: {entry["metric"]: entry["higher_is_better"] for entry in definition(task)["metric_list"]}
        for task in results
    }
    for name, group in groups.items():
        better[name] = {metric: up for task in group.members for metric, up in better[task].items()}
    return {
        "results": rows,
        **({"groups": averages} if averages else {}),
        "group_subtasks": {name: groups[name].members if name in groups else [] for name in top},
        "configs": {task: _config(task) for task in sorted(results)},
        "versions": {name: definition(name)["metadata"]["version"] for name in sorted(rows)},
        "n-shot": dict.fromkeys(sorted(results), 0),
        "higher_is_better": dict(sorted(better.items())),
        "n-samples": {
            task: {"original": stated.asked, "effective": stated.asked} for task, stated in manifest.tasks.items()
        },
        "config": {
            "model": model_of(run),
            "model_args": model_args(run),
            "batch_size": None if manifest.run is None else str(manifest.run.batch_size),
            "device": None,
            "use_cache": None,
            "limit": None,
            "offset": 0,
            "gen_kwargs": "",
            **manifest.seeds,
        },
        "lmms_eval_version": None if manifest.run is None else manifest.run.versions.get("lmms_eval"),
        **({"date": f"{manifest.declared.dates[0].replace('-', '')}_000000"} if manifest.declared else {}),
        "model_source": model_of(run),
        "model_name": manifest.card.name,
    }


def _average(name: str, group: Group) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for metric, value in group.metrics.items():
        row |= {f"{metric},none": value, f"{metric}_stderr,none": NONE}
    return row | {"alias": name}


def _config(task: str) -> dict[str, Any]:
    """Return the task's definition without its functions and its data folder."""
    config = {
        name: value for name, value in definition(task).items() if not callable(value) and name != "dataset_kwargs"
    }
    metrics = [{name: value for name, value in entry.items() if not callable(value)} for entry in config["metric_list"]]
    return config | {"metric_list": metrics}
