"""Output folders as lmms-eval 0.7.3 writes them with `--output_path` and `--log_samples`, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def spec(name: str, **hyper_parameters: Any) -> dict[str, Any]:
    """A method's identity, with which runs are signed."""
    return {"name": name, "hyper_parameters": hyper_parameters}


RULE = "closed|rule:made-up|v:0"
#: What our models sign the first document of every task with.
IDENTITY = {
    "family": "huatuo",
    "method": spec("plain"),
    "weights": "f11c28524bde19d1",
    "config": "5105ec96",
    "tokenizer": "4b14c97b",
    "image_processor": "44fbbc74",
    "prompt": "88b9caa1",
    "dtype": "float32",
    "device": "cpu",
    "geometry": "true",
    "rows": "last",
    "per_head": False,
    "batch_size": 8,
    "code": "ba7a875c",
    "versions": {"lmms_vg": "0.1.0", "torch": "2.6.0"},
    "settings": {"pretrained": "demo"},
}

Line = dict[str, Any]


def closed(uid: str, score: int, image: str = "", *, read: bool = True, rule: str = RULE, **about: str) -> Line:
    """A closed question, with its own image if none is given."""
    return {
        "acc": {"score": score, "extracted": "yes" if read else None, "rule": rule, **_named(uid, image, about)},
        "ci95": {"correct": score, "image": image or uid},
        "unparseable": {"unparseable": not read},
        "answered": 1,
        "n": {"answered": 1},
    }


def opened(uid: str, recall: float, image: str = "", **about: str) -> Line:
    return {
        "bleu1": {"score": recall / 2, "image": image or uid, "rule": "bleu1|v:0"},
        "open_recall": {"score": recall, "rule": "open_recall|v:0", **_named(uid, image, about)},
        "bertscore": {"answer": "liver", "reference": "liver", "image": image or uid, "rule": "bertscore|layer:12|v:0"},
        "answered": 1,
        "n": {"answered": 1},
    }


def measured(*kl: float) -> Line:
    """Alignment of one question, one value per layer."""
    item = {"kl": list(kl)}
    return {
        "ar": item | {"ar": list(kl), "printed_ar": list(kl)},
        "kl": item,
        "js": item | {"js": list(kl)},
        "best_layer": item,
        "answered": 1,
        "n": {"answered": 1},
    }


def failed(uid: str, *metrics: str) -> Line:
    item = {"error": "it was too large", "error_code": "image", "task": "some task", "uid": uid}
    return {**dict.fromkeys(metrics or ("acc", "ci95", "unparseable"), item), "answered": 0, "n": {"answered": 0}}


def save(
    out: Path,
    tasks: dict[str, list[Line]],
    *,
    stamp: str = "20260101_120000",
    date: str | None = "20260101_120000",
    model: str = "huatuo_plain",
    folder: str = "demo",
    groups: dict[str, list[str]] | None = None,
    means: dict[str, dict[str, Any]] | None = None,
    sizes: dict[str, dict[str, int]] | None = None,
    samples: bool = True,
    run: dict[str, Any] | None = None,
    seconds: float | None = None,
    **config: Any,
) -> Path:
    """Write a run to `<out>/<folder>` and return its results file; `means`: task or group -> metric -> value.

    `run` is its provenance, `seconds` the time of every answer.
    """
    where = out / folder
    where.mkdir(parents=True, exist_ok=True)
    groups = groups or {}
    own = {}
    for name in [*tasks, *groups]:
        values = (means or {}).get(name, {})
        own[name] = {"alias": name, " ": " "} | {f"{metric},none": value for metric, value in values.items()}
    results = {
        "results": own,
        "group_subtasks": groups or {task: [] for task in tasks},
        "configs": {task: {"task": task} for task in tasks},
        "n-samples": {
            task: {"original": len(lines), "effective": len(lines)} | (sizes or {}).get(task, {})
            for task, lines in tasks.items()
        },
        "config": {"model": model, "model_args": "pretrained=demo", "limit": None, "offset": 0} | config,
        "lmms_eval_version": "0.7.3",
        "date": date,
    }
    path = where / f"{stamp}_results.json"
    path.write_text(json.dumps(results, indent=2), encoding="utf-8")
    for task, lines in tasks.items() if samples else ():
        rows = []
        for number, line in enumerate(lines):
            row = {
                "doc_id": number,
                "target": "yes",
                "filtered_resps": "yes",
                "doc_hash": "0",
                "input": "Is it?",
                **line,
            }
            if number == 0 and run is not None:
                row["n"] = row["n"] | {"run": run}
            if seconds is not None and line.get("answered"):
                row["n"] = row["n"] | {"seconds": seconds}
            rows.append(row)
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (where / f"{stamp}_samples_{task}.jsonl").write_text(text, encoding="utf-8")
    return path


def tables(markdown: str) -> list[list[list[str]]]:
    """The tables of a Markdown text as lists of rows of cells. Every row must have as many cells as its heading."""
    found: list[list[list[str]]] = []
    previous = ""
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert line.endswith("|"), line
            cells = [cell.strip() for cell in line[1:-1].split("|")]
            if not previous.startswith("|"):
                found.append([])
            found[-1].append(cells)
            assert len(cells) == len(found[-1][0]), line
        previous = line
    for table in found:
        assert all(set(cell) <= {"-", ":"} for cell in table[1]), "the second line is the rule"
    return [[table[0], *table[2:]] for table in found]


def _named(uid: str, image: str, about: dict[str, str]) -> Line:
    return {"uid": uid, "image": image or uid, "about": about}
