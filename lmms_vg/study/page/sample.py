"""Choose the questions that the page shows: drawn by a rule, so that nobody picks them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

from lmms_vg.study.page.input import AskedQuestions, Values

#: Classes of placement within a task and modality.
CLASSES = 5


def draw(asked: AskedQuestions, n: int, seed: int) -> list[int]:
    """Return the numbers of at most `n` questions in the order in which they are drawn.

    Questions are grouped by task, modality and fifth of the first side's placement within these two. The groups give one
    question each in turn, in an order that depends on the seed and the questions' names only. The first k of a draw are the
    draw of k.

    Raises:
        ValueError: `n` is negative.
    """
    if n < 0:
        raise ValueError(f"{n} samples: allowed is 0 or more")
    strata: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for cell in _cells(asked):
        placements = asked.sides[0].placement[cell] if asked.sides else np.full(len(cell), np.nan)
        for number, rank in zip(cell, fifths(placements), strict=True):
            strata[asked.tasks[number], asked.modalities[number], rank].append(number)
    shuffled = [sorted(strata[name], key=lambda number: _lot(asked, number, seed)) for name in sorted(strata)]
    turns = zip_longest(*sorted(shuffled, key=lambda members: _lot(asked, members[0], seed)))
    return [number for turn in turns for number in turn if number is not None][:n]


def rule(asked: AskedQuestions, n: int, seed: int) -> str:
    """Say in words how the shown questions were drawn."""
    return (
        f"{n:,} of {len(asked.uids):,} questions are shown, drawn with seed {seed}, not picked. Questions are grouped by task, "
        "modality and, within these two, fifth of the first model's placement (how the box compares with the same shape "
        "elsewhere in the image). The groups give one question each in turn, so rare groups are seen more often here than "
        "among all questions: shares are to be read in the table of all questions."
    )


def fifths(placements: Values) -> list[int]:
    """Return the fifth of each value among those that are known, from 0 for the lowest; -1 if it is not known.

    Equal values are in one fifth.
    """
    known = np.isfinite(placements)
    ordered = np.sort(placements[known])
    below = np.searchsorted(ordered, placements, side="left")
    return [int(CLASSES * place // len(ordered)) if seen else -1 for place, seen in zip(below, known, strict=True)]


def _cells(asked: AskedQuestions) -> Iterator[list[int]]:
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, name in enumerate(zip(asked.tasks, asked.modalities, strict=True)):
        cells[name].append(number)
    yield from cells.values()


def _lot(asked: AskedQuestions, number: int, seed: int) -> bytes:
    return hashlib.sha256(
        f"{seed}\0{asked.tasks[number]}\0{asked.uids[number]}".encode(errors="backslashreplace")
    ).digest()
