"""Rows whose model runs nowhere here: why, and the command of lmms-eval that gives their accuracy, if it has the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lmms_vg.reproduce.checkpoints import Elsewhere, NotHere
from lmms_vg.reproduce.existing_runs import find
from lmms_vg.runs.results import Run


class AskElsewhere(NamedTuple):
    """One row that another model of lmms-eval may answer.

    Attributes:
        name: the paper's name of the row.
        why: why no family of ours runs it.
        model: the model of lmms-eval; None if it has none, or if the target needs attention.
        command: the command that runs it; empty without a model.
        run: the finished run of that command, if there is one.
    """

    name: str
    why: str
    model: Elsewhere | None
    command: str
    run: Run | None


def ask_elsewhere(row: NotHere, tasks: Sequence[str], model_args: str, folder: Path) -> AskElsewhere:
    """Return the command of a row, and its run.

    Args:
        row: the row.
        tasks: what it is asked; none if only attention would help.
        model_args: for all rows of the target.
        folder: where the run's results go.
    """
    if row.elsewhere is None or not tasks:
        return AskElsewhere(row.name, row.why, None, "", None)
    model, own, _ = row.elsewhere
    arguments = ",".join(filter(None, (own, model_args)))
    command = (
        f"lmms-eval --model {model} --model_args {arguments} --tasks {','.join(tasks)} --batch_size 1 "
        f"--output_path {folder} --log_samples"
    )
    run = find(folder, model, arguments)
    return AskElsewhere(row.name, row.why, row.elsewhere, command, None if run is None or run.restricted else run)
