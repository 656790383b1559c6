"""Readability and yes-rate of each submission, and the parts of its gain, computed with the functions of `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.runs.results import Asked, TaskRun
from lmms_vg.runs.saying import Change, Saying, Source, change
from lmms_vg.submission.read_answers import READ
from lmms_vg.submission.validated import Scores


class SaidGain(NamedTuple):
    """Readability and yes-rate of a run, and the parts of its difference from the plain run.

    Attributes:
        said: None if what was read is not known.
        change: the same.
        source: where the difference lives; None if it is not significant.
    """

    said: Saying | None
    change: Change | None
    source: Source | None = None


def task_run(task: str, scores: Scores) -> TaskRun:
    """Return a task of a submission as `runs` has those of a finished run, without texts.

    Args:
        task: the task.
        scores: its scores; questions without one are left out.
    """
    scored = np.flatnonzero(np.isfinite(scores.values)).tolist()
    uids = [scores.uids[place] for place in scored]
    read = scores.read
    extracted = {} if read is None else {uid: READ[read.said[place]] for uid, place in zip(uids, scored, strict=True)}
    asked = (
        {}
        if read is None
        else {uid: Asked("", READ[read.right[place]] or "") for uid, place in zip(uids, scored, strict=True)}
    )
    return TaskRun(
        task=task,
        metric=scores.metric,
        rules={scores.metric: scores.rule},
        scores=dict(zip(uids, scores.values[scored].tolist(), strict=True)),
        images={uid: scores.images[place] for uid, place in zip(uids, scored, strict=True)},
        about={},
        failed={},
        unparseable=list(extracted.values()).count(None),
        asked=asked,
        extracted=extracted,
    )


def changed(before: Sequence[TaskRun], after: Sequence[TaskRun]) -> Change | None:
    """Describe what changed between two submissions on the same questions; None if what was read is not known."""
    units = {f"{part.task} {uid}": image for part in before for uid, image in part.images.items()}
    return change(before, after, units)
