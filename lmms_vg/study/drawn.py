"""Choose the questions that pictures show: drawn by a rule, never picked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmms_vg.runs.tidy_rows import SEED
from lmms_vg.study.collect import StudiedTask

#: The rule, to be printed where the pictures are shown.
RULE = (
    "questions are drawn at random (seed {seed}), one from each third of the task's questions by placement at the layer of "
    "lowest KL: where the model looks worst, middling and best"
)


def shown(task: StudiedTask, per_third: int = 1) -> list[int]:
    """Return numbers of questions that have boxes and maps, by `RULE`; fewer if there are not enough."""
    placed = task.values["placement"][:, task.best_layer] if task.layers else np.empty(0)
    able = [i for i, question in enumerate(task.questions) if question.boxes and question.mask is not None]
    ranked = sorted(able, key=lambda i: (float(np.nan_to_num(placed[i], nan=-1.0)), task.questions[i].uid))
    rng = np.random.default_rng(SEED)
    thirds: Sequence[np.ndarray[tuple[int], np.dtype[np.intp]]] = np.array_split(np.array(ranked, dtype=np.intp), 3)
    return [int(i) for third in thirds for i in rng.permutation(third)[:per_third]]


def rule() -> str:
    """Return the rule with its seed."""
    return RULE.format(seed=SEED)
