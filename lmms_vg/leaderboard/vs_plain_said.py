"""Readability and yes-rate of methods and their plain runs, beside the difference, and words for gains from other sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lmms_vg.leaderboard.cells import show
from lmms_vg.leaderboard.said import SaidGain
from lmms_vg.leaderboard.table_model import CellView, ColumnView
from lmms_vg.metrics import decomposition, signal_detection
from lmms_vg.runs.said_tables import SAID, said_cells
from lmms_vg.runs.saying import Saying
from lmms_vg.runs.source_words import source_words
from lmms_vg.runs.text_tables import known

#: Beginning of the notes that stand open below the table.
LIVES = "Not in seeing: "

_CHANGED = (
    ColumnView(
        "lives in",
        "Where a difference with p (Holm) < .05 lives: in the format of answers, in the criterion, in seeing (d'), in the "
        "readable answers to questions that are not yes/no, or it cannot be told",
        None,
    ),
    ColumnView(
        "both readable",
        "Difference over the questions that both runs answered readably. It describes these questions only, since which they "
        "are depends on the answers",
        "higher",
        "points",
    ),
    ColumnView(
        "newly readable",
        "What the questions that only the method answered readably (n) add to the number of right answers",
        None,
        "answers",
    ),
    ColumnView(
        "no longer",
        "What the questions that only the plain run answered readably (n) add to the number of right answers",
        None,
        "answers",
    ),
    ColumnView("change of d'", "Change of d' on the yes/no questions that both answered with yes or no", "higher"),
    ColumnView("change of criterion", "Change of the criterion on the same questions; below 0: yes is said more", None),
)
_SAID = (
    ColumnView("unreadable", "Share of the answers in which the rule reads nothing; they count as wrong", "lower"),
    ColumnView("yes-rate", "Share of yes among the yes/no questions that were answered with yes or no", None),
    ColumnView("balanced accuracy", "Mean of the accuracy where yes is right and where no is, on the same questions"),
    ColumnView("d'", "How well yes is told from no, whatever the criterion; 0 is chance"),
    ColumnView("criterion", "How reluctantly yes is said; below 0: readily", None),
)

ABOUT = (
    f"{SAID}. both readable, newly readable and no longer: parts of the difference; p-values within are not corrected and are "
    "looked at only if the difference is significant; as lmms-vg compare has them; "
    f"{decomposition.signature()}; {signal_detection.signature()}"
)


class SaidRow(NamedTuple):
    """Readability and yes-rate of a row over `n` scored questions; `gain` is None without a plain run."""

    said: Saying | None
    n: int
    gain: SaidGain | None


def said_columns(rows: Mapping[str, SaidRow]) -> tuple[list[ColumnView], dict[str, list[CellView]]]:
    """Return the columns that any row has something in, and id -> its cells under them."""
    columns = [*_CHANGED, *_SAID]
    cells = {id: [*_changed_cells(row.gain), *_said_cells(row)] for id, row in rows.items()}
    shown = [place for place in range(len(columns)) if any(row[place].text for row in cells.values())]
    return [columns[place] for place in shown], {id: [row[place] for place in shown] for id, row in cells.items()}


def said_note(id: str, difference: float, gain: SaidGain | None) -> str:
    """Say where a row's significant difference lives if it is not in better answers; else nothing."""
    if gain is None or gain.change is None:
        return ""
    words = source_words(difference, gain.change, gain.source)
    if words is None:
        return ""
    return f"{LIVES}{id}: {words.text}" if words.evidence else f"Cannot tell: {id}: {words.text}"


def _changed_cells(gain: SaidGain | None) -> Sequence[CellView]:
    if gain is None or gain.change is None:
        return [CellView("")] * len(_CHANGED)
    parts, shift = gain.change.parts, gain.change.shift
    readable = CellView("")
    if parts.readable is not None:
        mean, low, high = (known(100 * value) for value in parts.readable[:3])
        readable = CellView(show(100 * parts.readable.mean, 2, "+"), mean, low, high, parts.both.n)
    split = [CellView(f"{part.net:+g}", part.net, n=part.n) for part in (parts.newly, parts.no_longer)]
    shifts = [CellView("")] * 2
    if shift is not None:
        shifts = [
            CellView(
                show(difference.mean, 2, "+"), difference.mean, known(difference.low), known(difference.high), shift.n
            )
            for difference in (shift.d_prime, shift.criterion)
        ]
    return [CellView(gain.source or ""), readable, *split, *shifts]


def _said_cells(row: SaidRow) -> Sequence[CellView]:
    texts = said_cells(row.said)
    detection = row.said.detection if row.said is not None else None
    counts = [row.n, *[detection.n if detection is not None else None] * 4]
    values = [row.said.unreadable if row.said else None, *(map(known, detection[1:]) if detection else [None] * 4)]
    return [CellView(text, value, n=n if text else None) for text, value, n in zip(texts, values, counts, strict=True)]
