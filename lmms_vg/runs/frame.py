"""A run as a pandas data frame, with one row per question of each task.

Columns: `run` (the method, its settings and seed), `model`, `task`, `uid`, `image`; the question's categories, such as
`modality`, `organ` and `patient`, where a data set has them; `metric` and `score` (0 to 1); `error_code` and `error`; `prompt`,
`reference`, `answer` and `extracted` (what the scoring rule read in it); `seconds` and `batch`; and `layer`, `ar`, `kl` and
`js` of the attention of tasks whose questions have a place. What is not known is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lmms_vg.metrics.alignment import best_layer
from lmms_vg.runs.layer_choice import check_used
from lmms_vg.runs.results import Run, TaskRun

_FIRST = ["run", "model", "task", "uid", "image"]
_LAST = ["metric", "score", "error_code", "error", "prompt", "reference", "answer", "extracted", "seconds", "batch"]
_LOOKED = ["layer", "ar", "kl", "js"]


def frame(run: Run, layer: int | None = None) -> pd.DataFrame:
    """Return the questions of a run, task after task, in the order in which they were asked.

    Args:
        run: the run.
        layer: the layer of AR, KL and JS, from 0; None for the one of lowest mean KL of each task.

    Raises:
        ValueError: there is no such layer, or it is named although no task's attention was measured.
    """
    tasks = [*run.tasks.values(), *run.measurements.values()]
    looked = [task.task for task in tasks if task.looked]
    check_used(layer, looked, run.label)
    rows = [
        {"run": run.label, "model": run.model, "task": task.task, **row} for task in tasks for row in _rows(task, layer)
    ]
    known = dict.fromkeys(name for row in rows for name in row)
    axes = [name for name in known if name not in {*_FIRST, *_LAST, *_LOOKED}]
    return pd.DataFrame(rows, columns=[*_FIRST, *axes, *_LAST, *(_LOOKED if looked else [])])


def _rows(task: TaskRun, layer: int | None) -> list[dict[str, Any]]:
    at = _layer(task, layer) if task.looked else None
    return [_row(task, uid, at) for uid in task.asked]


def _row(task: TaskRun, uid: str, layer: int | None) -> dict[str, Any]:
    failure, looked, asked = task.failed.get(uid), task.looked.get(uid), task.asked[uid]
    seen = (
        {} if looked is None or layer is None else {"layer": layer} | {k: v[layer] for k, v in looked._asdict().items()}
    )
    return {
        "uid": uid,
        "image": task.images.get(uid),
        **task.about.get(uid, {}),
        **task.units.get(uid, {}),
        "metric": task.metric if uid in task.scores else None,
        "score": task.scores.get(uid),
        "error_code": None if failure is None else failure.code,
        "error": None if failure is None else failure.error,
        "prompt": asked.prompt,
        "reference": asked.reference,
        "answer": task.answers.get(uid),
        "extracted": task.extracted.get(uid),
        "seconds": task.seconds.get(uid),
        "batch": task.batches.get(uid),
        **seen,
    }


def _layer(task: TaskRun, layer: int | None) -> int:
    kl = np.array([looked.kl for looked in task.looked.values()])
    if layer is None:
        return best_layer(kl)
    if not 0 <= layer < kl.shape[1]:
        raise ValueError(f"layer {layer}: {task.task} allows 0 to {kl.shape[1] - 1}")
    return layer
