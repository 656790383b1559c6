"""The paper's cell next to ours: a mean with its interval, and what can be said of the printed number beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.metrics.statistics.weighted_interval import weighted_interval
from lmms_vg.paper.published import PublishedTable
from lmms_vg.reproduce.columns import Column
from lmms_vg.reproduce.question_scores import Values, values
from lmms_vg.reproduce.verdict import CellVerdict, Score, faults, questions_of, verdict
from lmms_vg.runs.results import Run


class Cell(NamedTuple):
    """One cell of a table. `missing` says why `score` is None."""

    row: str
    column: Column
    printed: Decimal | None
    score: Score | None
    missing: str
    verdict: CellVerdict


def cells(
    table: PublishedTable, columns: list[Column], runs: Mapping[str, Run | None], published: Mapping[str, str]
) -> list[Cell]:
    """Compare every column of every row.

    Args:
        table: the paper's table.
        columns: the columns to compare.
        runs: row -> its run; None for a row that was not run.
        published: row -> the paper's name of the row.
    """
    wrong = faults(table)
    compared = []
    for row, run in runs.items():
        paper_row = published[row]
        for column in columns:
            printed = table.cell(paper_row, column.name)
            asked = run is not None and all(task in run.tasks for task in column.tasks)
            score = score_of(run, column) if run is not None and asked else None
            missing = "" if score else "not available" if asked else "not asked"
            alike = {
                published[other]
                for other, its in runs.items()
                if run is not None and its is not None and its.path == run.path
            }
            outcome = _verdict(table, {paper_row, *alike}, paper_row, column, score)
            if (paper_row, column.name) in wrong:
                outcome = CellVerdict("inconsistent")
            compared.append(Cell(row, column, printed, score, missing, outcome))
    return compared


def _verdict(table: PublishedTable, own: Collection[str], row: str, column: Column, score: Score | None) -> CellVerdict:
    """Return the verdict on a row's cell; `own` are the rows of the same run, which no number can tell apart."""
    questions = questions_of(table, column.name) if column.metric == "acc" else None
    others = {
        other: cell for other in table.rows if other not in own and (cell := table.cell(other, column.name)) is not None
    }
    return verdict(table.cell(row, column.name), score, questions, others)


def score_of(run: Run, column: Column) -> Score | None:
    """Our score of a column; None if a task has no value of the metric.

    Without weights, the images of all tasks are resampled together; with weights, those of each task separately.
    """
    parts: dict[str, Values] = {}
    for task in column.tasks:
        part = values(run, task, column.metric)
        if part is None or not part.scores:
            return None
        parts[task] = part
    scores = [score for scored in parts.values() for score in scored.scores]
    if column.weights:
        total = sum(column.weights.values())
        mean = sum(fmean(parts[task].scores) * weight for task, weight in column.weights.items()) / total
        drawn = {task: (part.scores, part.images) for task, part in parts.items()}
        low, high = weighted_interval(drawn, column.weights)
    else:
        mean = fmean(scores)
        low, high = cluster_interval(scores, [image for scored in parts.values() for image in scored.images])
    return Score(100 * mean, 100 * low, 100 * high, len(scores))
