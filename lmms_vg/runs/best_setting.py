"""The best of several settings: its expected score if all were equal, and its score on images not used to choose it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics import Difference, paired, resample
from lmms_vg.runs.compared_line import RESAMPLES
from lmms_vg.runs.comparison_cells import show_interval
from lmms_vg.runs.results import Run


class Chosen(NamedTuple):
    """A setting that was the best on one half of the images.

    Attributes:
        run: its run.
        chosen_on: number of questions it was chosen on.
        there: its difference from plain on these.
        n: number of the other questions.
        difference: its difference from plain on the others.
    """

    run: Run
    chosen_on: int
    there: float
    n: int
    difference: Difference


def expected_highest(base: Run, settings: Sequence[Run], tasks: Sequence[str]) -> float:
    """Return how far the highest of the settings would on average lie above plain, if all were as good as plain.

    It is the mean, over 2,000 draws of whole images, of the highest of the differences from plain, each without its own mean.
    NaN for a single image.
    """
    keys, images = _questions(base, settings, tasks)
    runs = [[run.tasks[task].scores[uid] for task, uid in keys] for run in (base, *settings)]
    drawn = resample(runs, images)
    if not drawn.counts.size:
        return nan
    differences = (drawn.sums[1:] - drawn.sums[0]) / drawn.counts
    means = (drawn.totals[1:] - drawn.totals[0]) / drawn.n
    return float((differences - means[:, None]).max(axis=0).mean())


def choose_on_half(base: Run, settings: Sequence[Run], tasks: Sequence[str], seed: int = 0) -> Chosen | None:
    """Choose the best setting on one half of the images and compare it with plain on the other; None for a single image.

    The images are halved at random by the seed. Of equally good settings the first is chosen.
    """
    keys, images = _questions(base, settings, tasks)
    names = sorted(set(images))
    if len(names) < 2:
        return None
    first = set(np.random.default_rng(seed).permutation(names)[: len(names) // 2].tolist())
    halves = [
        [key for key, image in zip(keys, images, strict=True) if (image in first) == chosen] for chosen in (True, False)
    ]

    def scores(run: Run, half: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
        return {(task, uid): run.tasks[task].scores[uid] for task, uid in half}

    best = max(settings, key=lambda run: sum(scores(run, halves[0]).values()))
    gained = sum(scores(best, halves[0]).values()) - sum(scores(base, halves[0]).values())
    units = dict(zip(keys, images, strict=True))
    difference = paired(scores(base, halves[1]), scores(best, halves[1]), units, resamples=RESAMPLES)
    return Chosen(best, len(halves[0]), gained / len(halves[0]), len(halves[1]), difference)


def highest_note(base: Run, settings: Sequence[Run], names: Mapping[str, Sequence[str]]) -> str:
    """Say how high the best setting would stand on each task or group, name -> its tasks, if all were equal to plain."""
    heights = {name: expected_highest(base, settings, tasks) for name, tasks in names.items()}
    shown = ", ".join(f"{name} {100 * height:+.2f}" for name, height in heights.items() if not isnan(height))
    return (
        f"If all {len(settings)} settings were exactly as good as plain, the highest of them would on average be above it by: "
        f"{shown or 'unknown, as there is a single image'} (percentage points)."
    )


def chosen_notes(base: Run, settings: Sequence[Run], names: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which setting was chosen on one half of the images, and how it does on the other half."""
    notes = []
    for name, tasks in names.items():
        chosen = choose_on_half(base, settings, tasks)
        if chosen is None:
            notes.append(f"{name}: a single image cannot be halved.")
            continue
        notes.append(
            f"{name}: chosen on half of the images: {chosen.run.label} ({100 * chosen.there:+.2f} on {chosen.chosen_on} "
            f"questions); on the other half, {chosen.n} questions: {100 * chosen.difference.mean:+.2f} "
            f"({show_interval(chosen.difference)}), p "
            f"{chosen.difference.p:.4f}, which needs no correction for the choice."
        )
    return notes


def _questions(base: Run, settings: Sequence[Run], tasks: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the questions that all runs have scored, and the image of each."""
    keys = [
        (task, uid)
        for task in tasks
        for uid in base.tasks[task].scores
        if all(task in run.tasks and uid in run.tasks[task].scores for run in settings)
    ]
    return keys, [base.tasks[task].images[uid] for task, uid in keys]
