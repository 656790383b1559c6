"""The paper's claim: how much better a method is than the plain model, in the paper and in our runs, question by question.

Two numbers of one model may both be off in the same way, and their difference right; or each within its interval, and the
difference gone. So the difference has a verdict of its own, from runs that are paired: same model, same questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.paper.published import PublishedTable
from lmms_vg.paper.rounding import half_unit
from lmms_vg.reproduce.columns import Column
from lmms_vg.reproduce.question_scores import values
from lmms_vg.reproduce.verdict import faults
from lmms_vg.runs.compared_line import RESAMPLES
from lmms_vg.runs.results import Run

#: as-printed: there is a difference of the printed sign, and the printed size lies in our interval. other-size: of the printed
#: sign, but the printed size does not, or there is no interval. opposite: of the other sign. unclear: none is shown, and the
#: printed one is not excluded. absent: none is shown, and the printed one is excluded. inconsistent: a printed number
#: contradicts the paper itself. nothing: there is nothing to compare.
Code = Literal["as-printed", "other-size", "opposite", "unclear", "absent", "inconsistent", "nothing"]

LEVEL = 0.05


class Gain(NamedTuple):
    """A method against plain in one column.

    Attributes:
        plain: row of the plain run.
        printed: the paper's difference, in points; None if it prints one of the two numbers or neither.
        ours: ours, as a share of 1; None if one of the two was not run.
        n: number of questions that both have a score for.
        holm: p, corrected over the row's columns.
    """

    row: str
    plain: str
    column: Column
    printed: Decimal | None
    ours: Difference | None
    n: int
    holm: float
    code: Code


class Pair(NamedTuple):
    """A row's method and its plain run: our names of the rows, and the paper's."""

    row: str
    plain: str
    published: str
    published_plain: str


def gains(
    table: PublishedTable, columns: Sequence[Column], pairs: Sequence[Pair], runs: Mapping[str, Run | None]
) -> list[Gain]:
    """Compare every pair in every column.

    Args:
        table: the paper's table.
        columns: its columns.
        pairs: methods and their plain rows.
        runs: row -> its run; None for a row that was not run.
    """
    wrong = faults(table)
    results: list[Gain] = []
    for pair in pairs:
        method, plain = runs.get(pair.row), runs.get(pair.plain)
        ours: dict[str, tuple[Difference, int]] = {}
        if method is not None and plain is not None:
            compared = {column.name: _paired(plain, method, column, len(columns)) for column in columns}
            ours = {name: test for name, test in compared.items() if test is not None}
        corrected = holm({name: difference.p for name, (difference, _) in ours.items()})
        for column in columns:
            places = [(row, column.name) for row in (pair.published, pair.published_plain)]
            cells = [table.cell(*place) for place in places]
            difference, n = ours.get(column.name, (None, 0))
            p = corrected.get(column.name, 1.0)
            inconsistent = any(place in wrong for place in places)
            code = _code(cells[0], cells[1], difference, p, inconsistent)
            printed = None if cells[0] is None or cells[1] is None else cells[0] - cells[1]
            results.append(Gain(pair.row, pair.plain, column, printed, difference, n, p, code))
    return results


def _code(method: Decimal | None, plain: Decimal | None, ours: Difference | None, p: float, inconsistent: bool) -> Code:
    if method is None or plain is None or ours is None:
        return "nothing"
    if inconsistent:
        return "inconsistent"
    printed, half = Fraction(method) - Fraction(plain), half_unit(method) + half_unit(plain)
    least, most = float(printed - half) / 100, float(printed + half) / 100
    inside = ours.has_interval and ours.low <= most and least <= ours.high
    if p <= LEVEL and ours.mean * printed < 0:
        return "opposite"
    if p <= LEVEL:
        return "as-printed" if inside else "other-size"
    return "absent" if ours.has_interval and not inside else "unclear"


def _paired(plain: Run, method: Run, column: Column, family: int) -> tuple[Difference, int] | None:
    """Return the paired difference of a column, and n; None if a task was not asked, or has no value of the metric."""
    before: dict[tuple[str, str], float] = {}
    after: dict[tuple[str, str], float] = {}
    images: dict[tuple[str, str], str] = {}
    for task in column.tasks:
        if task not in plain.tasks or task not in method.tasks:
            return None
        first, second = (values(run, task, column.metric) for run in (plain, method))
        if first is None or second is None:
            return None
        scores = dict(zip(second.uids, second.scores, strict=True))
        for uid, score, image in zip(first.uids, first.scores, first.images, strict=True):
            if uid in scores:  # a question that failed in one run is in no difference
                before[task, uid], after[task, uid], images[task, uid] = score, scores[uid], image
    if {task for task, _ in before} != {*column.tasks}:
        return None
    parts = {place: place[0] for place in before} if column.weights else None
    weights = column.weights or None
    return paired(before, after, images, parts=parts, weights=weights, resamples=RESAMPLES, family=family), len(before)
