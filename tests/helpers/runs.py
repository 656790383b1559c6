"""Finished runs on the demo tasks without a model: invented answers, scored and saved as lmms-eval saves them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from saved_run import IDENTITY, save

from lmms_vg.journal import Record
from lmms_vg.metrics.alignment import VERSION, align
from lmms_vg.metrics.open_ended import average
from lmms_vg.submission.question_check import document, question_of
from lmms_vg.submission.schema import Card
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.tasks import rescore
from lmms_vg.tasks.registry import TASKS
from lmms_vg.tasks.yaml_files import definition, groups

CARD = Card(name="Tiny", parameters=0.001, trained_on=[])
#: What a run is signed with.
PLAIN = IDENTITY | {"diagnose": False, "commit": "c0ffee"}

_PARTS = ("bleu1", "bertscore", "open_recall")

Say = Callable[[BundleQuestion], str]
SEEDS = {"random_seed": 0, "numpy_seed": 1234, "torch_seed": 1234, "fewshot_seed": 1234}


def mostly_right(seed: int = 0, right: float = 0.7) -> Say:
    """Return the reference, or a word that is wrong everywhere; the same question always gets the same answer."""
    return lambda one: one.answer if random.Random(f"{seed} {one.uid}").random() < right else "nothing"


def questions(task: str) -> list[BundleQuestion]:
    return [question_of(sample) for sample in TASKS[task].load()]


def looked(seed: int, layers: int = 3, side: int = 6) -> dict[str, Any]:
    """Return the alignment of random attention maps with a random box."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), dtype=bool)
    row, column = rng.integers(0, side - 2, 2)
    mask[row : row + 2, column : column + 3] = True
    maps = rng.dirichlet(np.ones(side * side), layers).reshape(layers, 1, side, side)
    found = align(maps, None, mask)
    return {
        "ar": [float(value) for value in found.ar],
        "printed_ar": [float(value) for value in found.printed_ar],
        "kl": [float(value) for value in found.kl],
        "js": [float(value) for value in found.js],
        "version": VERSION,
    }


def save_run(
    out: Path,
    *tasks: str,
    say: Say | None = None,
    identity: dict[str, Any] | None = None,
    signed: bool = True,
    change: Callable[[str, list[dict[str, Any]]], None] | None = None,
    means: dict[str, dict[str, Any]] | None = None,
    **config: Any,
) -> Path:
    """Save a run of whole demo tasks to `out`, its --output_path.

    Args:
        out: the folder.
        signed: whether the model is ours.
        change: alters a task's lines before they are saved.
        means: replaces single values of lmms-eval's table.
    """
    say = say or mostly_right()
    lines: dict[str, list[dict[str, Any]]] = {}
    values: dict[str, dict[str, Any]] = {}
    for task in tasks:
        asked = questions(task)
        measures = "kl" in {one["metric"] for one in definition(task)["metric_list"]}
        given = [
            Record(key="", task=task, uid=one.uid, text=say(one), alignment=looked(number) if measures else None)
            for number, one in enumerate(asked)
        ]
        both = zip([document(task, one) for one in asked], given, strict=True)
        made = list(rescore.score(task, both))
        values[task] = dict(rescore.means(task, made)) | (means or {}).get(task, {})
        if values[task].get("bertscore") is not None:  # as the task's own aggregation takes it
            values[task].setdefault("average", average(*(values[task][name] for name in _PARTS)))
        lines[task] = [line | {"filtered_resps": record.text} for line, record in zip(made, given, strict=True)]
    whole = {name: members for name, members in groups().items() if set(members) <= set(tasks)}
    for name in whole:
        sizes = {task: len(lines[task]) for task in tasks}
        values[name] = rescore.group_means(name, values, sizes) | (means or {}).get(name, {})
    if change is not None:
        for task in tasks:
            change(task, lines[task])
    run = PLAIN | (identity or {}) if signed else None
    save(out, lines, groups=whole, means=values, run=run, **(SEEDS | config))
    return out


def write_card(path: Path, **fields: Any) -> Path:
    path.write_text(json.dumps(CARD.model_dump() | fields), encoding="utf-8")
    return path
