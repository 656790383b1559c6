"""Several methods, or settings of one, on the same questions in one process: weights and image prefixes are shared.

lmms-eval runs one model at a time, so it runs once per setting. The first run writes the answers of all settings into their
journals, batch by batch, with shared image prefixes and a shared unedited forward pass; later runs find their answers there.
Every setting has the same results folder as a separate run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lmms_eval.utils import simple_parse_args_string

from lmms_vg.experiments.lmms_eval_process import INCOMPLETE, run
from lmms_vg.experiments.method_settings import Setting
from lmms_vg.host.stopping import Stopped
from lmms_vg.inference.build import resolve, together


def run_together(
    family: str, settings: Sequence[Setting], common: str, arguments: Sequence[str], out: Path
) -> dict[str, int]:
    """Run lmms-eval once per setting.

    Args:
        family: Name of the model family.
        settings: The settings; the first run answers for all.
        common: `--model_args` of all settings.
        arguments: Further arguments of lmms-eval (tasks, batch size, ...).
        out: Output path; results go to `out/<label>`.

    Returns:
        Label -> exit status, of the settings that were run.

    Raises:
        ValueError: Arguments of a setting are wrong; nothing has been run.
    """
    given = {setting.label: simple_parse_args_string(setting.model_args(common)) for setting in settings}
    for setting in settings:
        try:
            resolve(family, setting.method, given[setting.label])
        except ValueError as problem:
            raise ValueError(f"{setting.label}: {problem}") from problem
    others = [(setting.method, given[setting.label]) for setting in settings[1:]]
    status: dict[str, int] = {}
    failure = ""
    with together(others, list(given)):
        for setting in settings:
            model = ["--model", f"{family}_{setting.method}", "--model_args", setting.model_args(common)]
            try:
                status[setting.label] = run(
                    [*arguments, *model, "--output_path", str(out / setting.label), "--log_samples"]
                )
            except SystemExit as problem:  # a method may fail alone, such as oracle_mask without boxes
                if problem.code in (0, None) or isinstance(problem, Stopped):  # `--tasks list` and the like
                    raise
                status[setting.label] = 1
                print(f"{setting.label}: {problem}", file=sys.stderr)
                if str(problem) == failure:  # the cause is not the method
                    break
                failure = str(problem)
            else:
                if status[setting.label] not in (
                    0,
                    INCOMPLETE,
                ):  # an error of lmms-eval itself, such as an unknown task
                    break
            if status[setting.label] and int(os.environ.get("WORLD_SIZE", 1)) > 1:
                # A failure in scoring is on the first rank only; the others would wait for ever.
                raise SystemExit(f"{setting.label} failed; run the same command again: answers are in the journals")
    return status
