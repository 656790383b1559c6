"""Journals that hold values of heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from journals import record
from saved_run import IDENTITY

from lmms_vg.journal import HeadValues, Journal, QuestionHeads
from lmms_vg.runs.results import Run


def with_heads(
    folder: Path,
    task: str,
    heads: np.ndarray[Any, Any],
    seed: int,
    entropy: np.ndarray[Any, Any] | None = None,
    old: bool = False,
) -> Run:
    """A run of one side with values of heads, one question per image; `old`: in the records, as older versions had them."""
    rng = np.random.default_rng(seed)
    with Journal(folder, provenance=IDENTITY) as journal:
        for number in range(12):
            noisy = {name: (heads + 0.01 * rng.random(heads.shape)).tolist() for name in ("kl", "js", "ar")}
            noisy |= {} if entropy is None else {"entropy": entropy.tolist()}
            value: dict[str, Any] = {name: [1.0] * len(heads) for name in ("kl", "js", "ar")}
            key = f"{task}{number}"
            beside = [] if old else [QuestionHeads(key, HeadValues.of(noisy | {"placement": 1 - heads / 30}))]
            value |= {"heads": noisy} if old else {"head_shape": [*heads.shape]}
            journal.write([record(key, task=task, image=f"{task} {number}", alignment=value)], heads=beside)
    means = {"ar": 1.5, "kl": 1.0, "js": 0.2, "best_layer": 0, "n": 12}
    return Run(folder, "m", "", measured=[task], means={task: means}, provenance=IDENTITY)
