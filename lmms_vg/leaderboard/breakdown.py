"""A submission's accuracy by category, beside its plain run and the paper's numbers, as the radars show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from lmms_vg.paper import published
from lmms_vg.paper.columns import of_table
from lmms_vg.submission.validated import Entry, Scores, Values

_FEWEST, _MOST = 3, 12  # number of categories in a readable radar
_PRINTED = ("HuatuoGPT-V-7B", "VGRefine (Ours)")
_SPLITS = "Measured on the validation split; published numbers are for the test split, whose answers are hidden."


class RadarLine(NamedTuple):
    """Accuracy in % per category."""

    name: str
    kind: Literal["own", "plain", "published"]
    values: list[float]


class Breakdown(NamedTuple):
    """Accuracy by category.

    Attributes:
        n: number of measured questions per category.
        note: caveat shown beside the numbers.
    """

    title: str
    categories: list[str]
    n: list[int]
    lines: list[RadarLine]
    note: str = ""


def breakdowns(entry: Entry, plain: Mapping[str, Entry]) -> list[Breakdown]:
    """Return OmniMedVQA by modality and MMMU by subject, with the paper's numbers (Fig. A.1), then all other tasks.

    Every other task whose answers are right or wrong has one breakdown per axis with 3 to 12 categories.

    Args:
        entry: the submission.
        plain: task -> its plain run.
    """
    shown = [
        *_of_tasks("OmniMedVQA by modality", entry, plain, "3"),
        *_of_tasks("MMMU by subject", entry, plain, "2", _SPLITS),
    ]
    split = {task for table in ("2", "3") for column in of_table(table) for task in column.tasks["vgrefine"]}
    for task, scores in sorted(entry.scores.items()):
        if scores.metric == "acc" and task not in split:
            plain_scores = plain[task].scores[task] if task in plain else None
            shown += [
                breakdown
                for axis in scores.categories
                if (breakdown := _of_categories(task, axis, scores, plain_scores))
            ]
    return shown


def _of_tasks(title: str, entry: Entry, plain: Mapping[str, Entry], table: str, note: str = "") -> Iterator[Breakdown]:
    """Yield the breakdown by the columns of a table of the paper; none if the entry has too few of them."""
    columns = {column.tasks["vgrefine"][0]: column for column in of_table(table)}
    printed = published.table(table)
    tasks = [task for task in columns if task in entry.scores]
    if len(tasks) < _FEWEST:
        return
    before = [plain[task].scores[task] for task in tasks] if plain.keys() >= {*tasks} else []
    lines = _measured([entry.scores[task].values for task in tasks], [scores.values for scores in before])
    for row in _PRINTED:
        titles = [columns[task].title for task in tasks if columns[task].title in printed.columns]
        cells = [cell for column in titles if (cell := printed.cell(row, column)) is not None]
        if len(cells) == len(tasks):
            lines.append(RadarLine(f"{row} (published)", "published", [float(cell) for cell in cells]))
    n = [int(np.isfinite(entry.scores[task].values).sum()) for task in tasks]
    yield Breakdown(title, [columns[task].about or columns[task].title for task in tasks], n, lines, note)


def _of_categories(task: str, axis: str, scores: Scores, plain: Scores | None) -> Breakdown | None:
    scored = np.isfinite(scores.values)
    named = np.array([name or "(none)" for name in scores.categories[axis]], dtype=object)
    places = {name: scored & (named == name) for name in sorted({*named[scored]})}
    if not _FEWEST <= len(places) <= _MOST:
        return None
    values = [scores.values[mask] for mask in places.values()]
    lines = _measured(values, [] if plain is None else [plain.values[mask] for mask in places.values()])
    return Breakdown(f"{task} by {axis.replace('_', ' ')}", list(places), [len(part) for part in values], lines)


def _measured(own: list[Values], plain: list[Values]) -> list[RadarLine]:
    lines = [RadarLine("this submission", "own", [100 * float(np.nanmean(values)) for values in own])]
    if plain:
        lines.append(RadarLine("its plain run", "plain", [100 * float(np.nanmean(values)) for values in plain]))
    return lines
