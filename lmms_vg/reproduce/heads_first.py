"""Step 0 of a plan: rank the heads of a checkpoint that has no head list yet."""

from __future__ import annotations

import os

from lmms_eval.utils import simple_parse_args_string

from lmms_vg.experiments.boxed_questions import annotated
from lmms_vg.experiments.calibration import calibrate
from lmms_vg.host.failure import RunFailed
from lmms_vg.methods.head_list import HeadList
from lmms_vg.reproduce.ask import Ask
from lmms_vg.reproduce.plan import calibration, calibration_data

#: As the defaults of `lmms-vg heads calibrate`.
QUESTIONS, KEPT = 500, 20


def rank_heads(ask: Ask, demo_data: bool) -> str:
    """Write the head list that a row needs; return why there is none, or an empty text."""
    assert ask.heads is not None
    if ask.heads.is_file():  # another row has needed it
        return ""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        return f"its heads have to be ranked first, by a single process: {calibration(ask, demo_data)}"
    try:
        _ranked(ask, demo_data).write(ask.heads)
    except (ValueError, OSError, RunFailed) as problem:
        return f"its heads could not be ranked: {problem}"
    return ""


def _ranked(ask: Ask, demo_data: bool) -> HeadList:
    checkpoint = ask.row.checkpoint
    sample = annotated(calibration_data(demo_data), QUESTIONS, 0)
    keep = min(KEPT, checkpoint.layers * checkpoint.heads)
    return calibrate(ask.family, simple_parse_args_string(ask.common), sample, 0, keep)
