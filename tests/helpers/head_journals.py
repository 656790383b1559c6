"""Journals whose records hold values of heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from journals import record
from saved_run import IDENTITY

from lmms_vg.journal import Journal
from lmms_vg.runs.results import Run


def with_heads(
    folder: Path, task: str, heads: np.ndarray[Any, Any], seed: int, entropy: np.ndarray[Any, Any] | None = None
) -> Run:
    """A run of one side whose records hold values of heads, one question per image."""
    rng = np.random.default_rng(seed)
    with Journal(folder, provenance=IDENTITY) as journal:
        for number in range(12):
            noisy = {name: (heads + 0.01 * rng.random(heads.shape)).tolist() for name in ("kl", "js", "ar")}
            noisy |= {} if entropy is None else {"entropy": entropy.tolist()}
            layers = {name: [1.0] * len(heads) for name in ("kl", "js", "ar")}
            value = layers | {"heads": noisy}
            journal.write([record(f"{task}{number}", task=task, image=f"{task} {number}", alignment=value)])
    means = {"ar": 1.5, "kl": 1.0, "js": 0.2, "best_layer": 0, "n": 12}
    return Run(folder, "m", "", measured=[task], means={task: means}, provenance=IDENTITY)
