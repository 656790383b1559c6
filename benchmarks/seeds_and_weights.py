"""Simulations of `benchmarks.verdicts` on settings of several seeds, and on weighted means near their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.verdict_row import Row
from lmms_vg.metrics.statistics.ends import by_part, end_interval
from lmms_vg.metrics.statistics.repeated_difference import repeated_difference

#: Questions of the five subjects of MMMU's test.
MMMU_WEIGHTS = (326, 325, 162, 430, 509)


def repeated_settings(runs: int, spread: float, repetitions: int, seed: int) -> tuple[Row, Row]:
    """Two equal settings of several seeds, 100 images of 3 questions.

    Each setting finds other images easy, answers are drawn, and each run is as a whole better or worse by `spread`. Counted are
    p < .05 and intervals that hold no difference, which is the truth.
    """
    rng = np.random.default_rng(seed)
    alarms = covered = 0
    images = np.repeat(np.arange(100), 3).tolist()
    for _ in range(repetitions):
        easy = np.repeat(rng.uniform(0.2, 0.8, 100), 3)
        a, b = (
            (
                rng.random((runs, 300))
                < easy + np.repeat(rng.normal(0, 0.1, 100), 3) + rng.normal(0, spread, (runs, 1))
            ).astype(float)
            for _ in range(2)
        )
        difference = repeated_difference(a, b, images, resamples=2).difference
        alarms += difference.p < 0.05
        covered += difference.low <= 0 <= difference.high
    name = f"two equal settings of {runs} seeds, spread {100 * spread:g} points"
    return (
        Row(f"{name}: p < .05", alarms / repetitions, 0.05, False, repetitions),
        Row(f"{name}: interval holds the truth", covered / repetitions, 0.95, True, repetitions),
    )


def weighted_coverage(wrong: Sequence[float], repetitions: int, seed: int) -> Row:
    """Share of the intervals that hold a weighted mean near 100 %: MMMU's five subjects, 30 questions each.

    Args:
        wrong: share of wrong answers in each subject.
        repetitions: number of repetitions.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    weights = dict(enumerate(MMMU_WEIGHTS))
    subjects = np.repeat(np.arange(5), 30)
    truth = 1 - float(np.dot(MMMU_WEIGHTS, wrong)) / sum(MMMU_WEIGHTS)
    covered = used = 0
    for _ in range(repetitions):
        scores = (rng.random(150) >= np.asarray(wrong)[subjects]).astype(float)
        ends = end_interval(by_part(scores, range(150), subjects.tolist(), weights))
        if ends is not None:  # else the bootstrap has enough to draw from
            used += 1
            covered += ends.low <= truth <= ends.high
    where = "one subject alone" if min(wrong) == 0 else "all subjects"
    return Row(f"interval of a weighted mean of {100 * truth:.1f}%, {where}", covered / used, 0.93, True, used)
