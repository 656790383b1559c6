"""Runs of yes/no questions in memory, as `benchmarks.verdicts` compares them."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import FirstToken
from lmms_vg.runs.results import Asked, Run, TaskRun

Bools = NDArray[np.bool_]


def run_of(answers: Bools, truth: Bools, per_image: int, name: str) -> Run:
    """A run of one task of yes/no questions in memory."""
    uids = [f"q{number}" for number in range(len(answers))]
    task = TaskRun(
        "t",
        "acc",
        {"acc": "simulated"},
        dict(zip(uids, (answers == truth).astype(int).tolist(), strict=True)),
        {uid: f"i{number // per_image}" for number, uid in enumerate(uids)},
        {uid: {} for uid in uids},
        {},
        0,
        asked={uid: Asked("", "yes" if right else "no") for uid, right in zip(uids, truth, strict=True)},
        extracted={uid: "yes" if yes else "no" for uid, yes in zip(uids, answers, strict=True)},
    )
    return Run(Path(name), name, "", tasks={"t": task})


def runs_with_everything(questions: int, methods: int) -> list[Run]:
    """Runs in memory that differ in three of ten answers, with first-token values: every table of a comparison has rows."""
    rng = np.random.default_rng(0)
    truth = rng.random(questions) < 0.5
    runs = []
    for number in range(methods + 1):
        answers = np.where(rng.random(questions) < 0.3, ~truth, truth)
        run = run_of(answers, truth, 4, f"model{number}")
        shares = np.where(answers, 1, -1) * rng.uniform(0, 0.4, questions) + 0.5
        run.tasks["t"].first_tokens.update(
            (uid, FirstToken(log_p={"yes": log(0.9 * share), "no": log(0.9 * (1 - share))}, mass=0.9))
            for uid, share in zip(run.tasks["t"].scores, shares.tolist(), strict=True)
        )
        runs.append(run)
    return runs
