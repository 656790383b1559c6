"""Forced choice of a method against its plain run, over the questions of which both bundles carry first-token values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lmms_vg.leaderboard.cells import show
from lmms_vg.leaderboard.table_model import CellView, ColumnView
from lmms_vg.metrics.forced_choice import signature
from lmms_vg.metrics.statistics import Difference, paired
from lmms_vg.runs.compare import RESAMPLES
from lmms_vg.runs.text_tables import known, show_p
from lmms_vg.submission.forced_scores import FORCED
from lmms_vg.submission.validated import Scores

COLUMNS = [
    ColumnView(
        "forced choice",
        "Share of questions whose right answer is the likeliest of the allowed ones as the first token, whatever was written",
        "higher",
        "%",
    ),
    ColumnView("forced difference", "Its paired difference to the same model's plain run", "higher", "points"),
    ColumnView("forced p", "p value of no such difference, two-sided, as if this were the only line", None),
    ColumnView("forced p (Holm)", "forced p, corrected over the same m lines as p (Holm)", None),
]

ABOUT = (
    "forced choice: on the questions of which the method and its plain run both have first-token values, as submitted; it "
    f"stands beside the written answers and ranks nobody; {signature()}"
)


class ForcedGain(NamedTuple):
    """Forced choice of a method, and its difference from plain, over `n` questions; `holm` is its corrected p."""

    n: int
    score: float
    difference: Difference
    holm: float = 1.0


def forced_against(after: Sequence[Scores], before: Sequence[Scores]) -> ForcedGain | None:
    """Compare two runs' tasks, question by question in the same order; None if no question has values in both."""
    first: dict[tuple[int, str], float] = {}
    second: dict[tuple[int, str], float] = {}
    images: dict[tuple[int, str], str] = {}
    for task, (new, old) in enumerate(zip(after, before, strict=True)):
        ours, plain = new.under(FORCED), old.under(FORCED)
        if ours is None or plain is None:
            continue
        for place in np.flatnonzero(np.isfinite(ours.values) & np.isfinite(plain.values)).tolist():
            key = task, new.uids[place]
            first[key], second[key], images[key] = (
                float(plain.values[place]),
                float(ours.values[place]),
                new.images[place],
            )
    if not first:
        return None
    difference = paired(first, second, images, resamples=RESAMPLES)
    return ForcedGain(len(first), float(np.mean(list(second.values()))), difference)


def forced_cells(forced: ForcedGain | None) -> list[CellView]:
    """Return the cells of `COLUMNS`."""
    if forced is None:
        return [CellView("")] * len(COLUMNS)
    mean, low, high = (known(100 * value) for value in forced.difference[:3])
    p = forced.difference.p
    return [
        CellView(show(100 * forced.score, 2), 100 * forced.score, n=forced.n),
        CellView(show(100 * forced.difference.mean, 2, "+"), mean, low, high, forced.n),
        CellView(show_p(p), p),
        CellView(show_p(forced.holm), forced.holm),
    ]
