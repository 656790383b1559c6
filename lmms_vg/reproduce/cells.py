"""The paper's cell next to ours: a mean with its interval, and whether the printed number lies within it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import isnan
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.statistics import cluster_interval
from lmms_vg.paper.published import PublishedTable, check, impossible
from lmms_vg.paper.rounding import decimals, half_unit
from lmms_vg.reproduce.columns import Column
from lmms_vg.reproduce.question_scores import Values, values
from lmms_vg.reproduce.weighted_interval import weighted_interval
from lmms_vg.runs.results import Run


class Score(NamedTuple):
    """A mean in %, with its 95% interval (NaN for a single image), over `n` questions."""

    value: float
    low: float
    high: float
    n: int


class Cell(NamedTuple):
    """One cell of a table. `missing` says why `score` is None."""

    row: str
    column: Column
    printed: Decimal | None
    score: Score | None
    missing: str
    verdict: str


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
            outcome = verdict(printed, score, inconsistent=(paper_row, column.name) in wrong)
            compared.append(Cell(row, column, printed, score, missing, outcome))
    return compared


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
        low, high = weighted_interval(parts, column.weights)
    else:
        mean = fmean(scores)
        low, high = cluster_interval(scores, [image for scored in parts.values() for image in scored.images])
    return Score(100 * mean, 100 * low, 100 * high, len(scores))


def verdict(printed: Decimal | None, score: Score | None, *, inconsistent: bool = False) -> str:
    """Compare a printed number with our interval.

    Returns:
        `within` if the printed number, plus or minus half a unit of its last digit, meets our interval; else `differs`,
        with ours minus the paper's; `inconsistent` if the printed number contradicts the paper itself; `-` if nothing can
        be compared.
    """
    if printed is None:
        return "-"
    if inconsistent:
        return "inconsistent"
    if score is None or isnan(score.low):
        return "-"
    least, most = (float(Fraction(printed) + sign * half_unit(printed)) for sign in (-1, 1))
    if score.low <= most and least <= score.high:
        return "within"
    return f"differs ({score.value - float(printed):+.{max(1, decimals(printed))}f})"


def faults(table: PublishedTable) -> dict[tuple[str, str], str]:
    """(row, column) of every printed number that contradicts the paper itself -> the reason."""
    reasons = {
        (row, column): f"no whole number of {n:,} questions gives {printed}"
        for row, column, printed, n in impossible(table)
    }
    for average in check(table):
        if not average.reproduces:
            value = _text(average.recomputed.value, average.printed)
            reasons[average.row, average.column] = (
                f"printed {average.printed}, its cells give {value} ({average.weighting})"
            )
    return reasons


def _text(value: Fraction, printed: Decimal) -> str:
    return f"{float(value):.{decimals(printed) + 1}f}"
