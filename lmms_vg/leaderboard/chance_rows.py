"""Rows of what answers without looking at any image reach: they are no submissions, and are never ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.cells import show
from lmms_vg.leaderboard.columns import Measure
from lmms_vg.leaderboard.table_model import CellView, RowView


class Level(NamedTuple):
    """What a way of answering without looking reaches on one task: `right` of `n` questions."""

    right: float
    n: int


class Chance(NamedTuple):
    """A way of answering without looking, such as always giving the commonest answer.

    Attributes:
        name: of its row.
        levels: task -> its level, for the tasks on which it can answer.
    """

    name: str
    levels: Mapping[str, Level]


def chance_rows(chance: Sequence[Chance], measures: Sequence[Measure], columns: int) -> list[RowView]:
    """Return one row per way of answering that has a number in a column; cells beyond the measures are empty."""
    rows = []
    for way in chance:
        cells = [_cell(way.levels, measure) for measure in measures]
        if any(cell.text for cell in cells):
            cells += [CellView("")] * (columns - len(cells))
            rows.append(RowView(way.name, "", None, "", None, cells, role="chance"))
    return rows


def _cell(levels: Mapping[str, Level], measure: Measure) -> CellView:
    """Return the level in a column, without an interval: the questions are all that there are."""
    way = next((way for way in measure.ways if all(levels.keys() >= {*part.tasks} for part in way)), None)
    if measure.metric != "acc" or way is None:
        return CellView("")
    parts = [[levels[task] for task in part.tasks] for part in way]
    means = [sum(level.right for level in part) / sum(level.n for level in part) for part in parts]
    value = 100 * sum(part.weight * mean for part, mean in zip(way, means, strict=True))
    return CellView(show(value, measure.digits), value, n=sum(level.n for part in parts for level in part))
