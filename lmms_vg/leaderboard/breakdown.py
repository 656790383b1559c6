"""Accuracy of a submission by category, beside its plain run and the paper's numbers: what the radars show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from lmms_vg.datasets.mmmu import SUBJECTS
from lmms_vg.datasets.omnimedvqa import NAMES
from lmms_vg.paper import published
from lmms_vg.submission.validated import Entry, Scores, Values

_FEWEST, _MOST = 3, 12  # categories that make a readable radar
_PRINTED = ("HuatuoGPT-V-7B", "VGRefine (Ours)")
_MODALITIES = {f"omnimedvqa_{modality}": title for modality, title in NAMES.items()}
_SUBJECTS = {f"mmmu_med_{name.lower()}": name.replace("_", " ") for name in SUBJECTS}
_SPLITS = "Measured on the validation split; published numbers are of the test split, whose answers are hidden."


class Line(NamedTuple):
    """Accuracy in % in every category."""

    name: str
    kind: Literal["own", "plain", "published"]
    values: list[float]


class Breakdown(NamedTuple):
    """``n``: questions of every category, of the measured lines. ``note`` has to be said beside the numbers."""

    title: str
    categories: list[str]
    n: list[int]
    lines: list[Line]
    note: str = ""


def breakdowns(entry: Entry, plain: Mapping[str, Entry]) -> list[Breakdown]:
    """``plain``: task -> its plain run. OmniMedVQA by modality and MMMU by subject, with the paper's numbers (its Fig. A.1).

    Of every other task whose answers are right or wrong, one for each axis of 3 to 12 categories.
    """
    columns = dict(zip(_SUBJECTS, published.table("2").columns, strict=False))  # the last is the average
    made = [
        *_of_tasks("OmniMedVQA by modality", entry, plain, _MODALITIES, published.table("3"), _MODALITIES),
        *_of_tasks("MMMU by subject", entry, plain, _SUBJECTS, published.table("2"), columns, _SPLITS),
    ]
    for task, scores in sorted(entry.scores.items()):
        if scores.metric == "acc" and task not in _MODALITIES and task not in _SUBJECTS:
            before = plain[task].scores[task] if task in plain else None
            made += [found for axis in scores.categories if (found := _of_categories(task, axis, scores, before))]
    return made


def _of_tasks(
    title: str,
    entry: Entry,
    plain: Mapping[str, Entry],
    names: Mapping[str, str],
    printed: published.Table,
    columns: Mapping[str, str],
    note: str = "",
) -> Iterator[Breakdown]:
    """One, if the entry has enough of the tasks. ``names``, ``columns``: task -> its name here, and in the paper's table."""
    tasks = [task for task in names if task in entry.scores]
    if len(tasks) < _FEWEST:
        return
    before = [plain[task].scores[task] for task in tasks] if plain.keys() >= {*tasks} else []
    lines = _measured([entry.scores[task].values for task in tasks], [scores.values for scores in before])
    for row in _PRINTED:
        cells = [cell for task in tasks if (cell := printed.cell(row, columns[task])) is not None]
        if len(cells) == len(tasks):
            lines.append(Line(f"{row} (published)", "published", [float(cell) for cell in cells]))
    n = [int(np.isfinite(entry.scores[task].values).sum()) for task in tasks]
    yield Breakdown(title, [names[task] for task in tasks], n, lines, note)


def _of_categories(task: str, axis: str, scores: Scores, before: Scores | None) -> Breakdown | None:
    scored = np.isfinite(scores.values)
    named = np.array([name or "(none)" for name in scores.categories[axis]], dtype=object)
    places = {name: scored & (named == name) for name in sorted({*named[scored]})}
    if not _FEWEST <= len(places) <= _MOST:
        return None
    own = [scores.values[there] for there in places.values()]
    lines = _measured(own, [] if before is None else [before.values[there] for there in places.values()])
    return Breakdown(f"{task} by {axis.replace('_', ' ')}", list(places), [len(values) for values in own], lines)


def _measured(own: list[Values], plain: list[Values]) -> list[Line]:
    lines = [Line("this submission", "own", [100 * float(np.nanmean(values)) for values in own])]
    if plain:
        lines.append(Line("its plain run", "plain", [100 * float(np.nanmean(values)) for values in plain]))
    return lines
