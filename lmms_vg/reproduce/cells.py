"""The paper's cell beside ours: a mean with its interval, and whether the printed number is within it."""

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
    """In %, with its 95% interval (NaN for a single image), of `n` questions."""

    value: float
    low: float
    high: float
    n: int


class Cell(NamedTuple):
    """One cell of a table. `missing` says why there is no `score`."""

    row: str
    column: Column
    printed: Decimal | None
    score: Score | None
    missing: str
    verdict: str


def cells(
    table: PublishedTable, columns: list[Column], runs: Mapping[str, Run | None], published: Mapping[str, str]
) -> list[Cell]:
    """Every column of every row; `runs` has None for rows that were not run. `published`: row -> the paper's row."""
    wrong = faults(table)
    made = []
    for row, run in runs.items():
        theirs = published[row]
        for column in columns:
            printed = table.cell(theirs, column.name)
            asked = run is not None and all(task in run.tasks for task in column.tasks)
            score = score_of(run, column) if run is not None and asked else None
            missing = "" if score else "not available" if asked else "not asked"
            said = verdict(printed, score, inconsistent=(theirs, column.name) in wrong)
            made.append(Cell(row, column, printed, score, missing, said))
    return made


def score_of(run: Run, column: Column) -> Score | None:
    """Ours; None where a task has no value of the metric.

    By questions, images are drawn from all tasks together; under weights, from each task by itself.
    """
    parts: dict[str, Values] = {}
    for task in column.tasks:
        found = values(run, task, column.metric)
        if found is None or not found.scores:
            return None
        parts[task] = found
    scores = [score for part in parts.values() for score in part.scores]
    if column.weights:
        total = sum(column.weights.values())
        mean = sum(fmean(parts[task].scores) * weight for task, weight in column.weights.items()) / total
        low, high = weighted_interval(parts, column.weights)
    else:
        mean = fmean(scores)
        low, high = cluster_interval(scores, [image for part in parts.values() for image in part.images])
    return Score(100 * mean, 100 * low, 100 * high, len(scores))


def verdict(printed: Decimal | None, score: Score | None, *, inconsistent: bool = False) -> str:
    """`within`: the printed number, half a unit of its last digit up or down, meets our interval.

    Else `differs`, with ours minus the paper's. A printed number that is at odds with the paper itself is `inconsistent`,
    whatever ours is. `-` where there is nothing to compare.
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
    """Row and column of the printed numbers that are at odds with the paper itself, and why."""
    found = {
        (row, column): f"no whole number of {n:,} questions gives {printed}"
        for row, column, printed, n in impossible(table)
    }
    for one in check(table):
        if not one.reproduces:
            value = _text(one.recomputed.value, one.printed)
            found[one.row, one.column] = f"printed {one.printed}, its cells give {value} ({one.weighting})"
    return found


def _text(value: Fraction, printed: Decimal) -> str:
    return f"{float(value):.{decimals(printed) + 1}f}"
