"""Rows of what answers without looking at any image reach: they are no submissions, and are never ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.datasets.training import training
from lmms_vg.leaderboard.cells import show
from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.table_model import CellView, RowView
from lmms_vg.metrics.chance import Blind, by_question, majority
from lmms_vg.runs.chance_rows import ABOUT, MAJORITY, TRAINING
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry


class Chance(NamedTuple):
    """A way of answering without looking.

    Attributes:
        name: of its row, one of `runs.chance_rows.ABOUT`.
        levels: task -> what it reaches, for the tasks on which it can answer.
    """

    name: str
    levels: Mapping[str, Blind]


def chance(entries: Sequence[tuple[Entry, Path]]) -> list[Chance]:
    """Return the ways of answering without looking, on the questions of submissions that were compared with the benchmark's.

    Args:
        entries: submissions, each with its bundle.
    """
    asked: dict[str, list[BundleQuestion]] = {}
    for entry, path in entries:
        for task, scores in entry.scores.items():
            if scores.metric == "acc" and scores.verified and task not in asked:
                scored = {uid for uid, value in zip(scores.uids, scores.values, strict=True) if not np.isnan(value)}
                asked[task] = [question for question, _ in pairs(path, task) if question.uid in scored]
    levels: dict[str, dict[str, Blind]] = {name: {} for name in ABOUT}
    for task, questions in asked.items():
        levels[MAJORITY][task] = majority([question.answer for question in questions])
        trained = training(task)
        if trained is not None and trained.answers:
            texts = [(question.question, question.answer) for question in questions]
            levels[TRAINING][task] = by_question(texts, trained.answers)
    return [Chance(name, of_tasks) for name, of_tasks in levels.items() if of_tasks]


def chance_rows(chance: Sequence[Chance], measures: Sequence[Measure], columns: int) -> list[RowView]:
    """Return one row per way of answering that has a number in a column; cells beyond the measures are empty."""
    rows = []
    for way in chance:
        cells = [_cell(way.levels, measure) for measure in measures]
        if any(cell.text for cell in cells):
            cells += [CellView("")] * (columns - len(cells))
            rows.append(RowView(way.name, "", None, "", None, cells, role="chance"))
    return rows


def _cell(levels: Mapping[str, Blind], measure: Measure) -> CellView:
    """Return the level in a column, without an interval: the questions are all that there are."""
    way = next((way for way in measure.ways if all(levels.keys() >= {*part.tasks} for part in way)), None)
    if measure.metric != "acc" or way is None:
        return CellView("")
    parts = [[levels[task] for task in part.tasks] for part in way]
    means = [sum(level.right for level in part) / sum(level.n for level in part) for part in parts]
    value = 100 * sum(part.weight * mean for part, mean in zip(way, means, strict=True))
    return CellView(show(value, measure.digits), value, n=sum(level.n for part in parts for level in part))
