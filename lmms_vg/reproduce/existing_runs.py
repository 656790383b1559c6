"""Find the newest run in a row's folder that has this model and these arguments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lmms_vg.runs.lmms_eval_output import read_run
from lmms_vg.runs.results import Run


def find(folder: Path, model: str, model_args: str) -> Run | None:
    """Return the newest run under `folder`; None if there is none, it cannot be read, or its model or arguments differ."""
    try:
        run = read_run(folder)
    except ValueError:
        return None
    config = json.loads(run.path.read_text(encoding="utf-8"))["config"]
    return run if (config["model"], config["model_args"]) == (model, model_args) else None


def lacking(run: Run | None, tasks: Sequence[str]) -> list[str]:
    """Return the tasks that a run does not have."""
    return [task for task in tasks if run is None or task not in (*run.tasks, *run.measured)]
