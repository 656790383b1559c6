"""Tables that are both files of a study and sentences of its page: computed once, over all tasks, controls included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lmms_vg.study import correct_table, gap_table, necessity_table, repeat_table
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.study_table import StudyTable


class ComparedTables(NamedTuple):
    """The tables.

    Attributes:
        gap: of `gap_table.chosen_table`.
        correct: of `correct_table.table`.
        necessity: of `necessity_table.table`.
        repeat: of `repeat_table.table`.
    """

    gap: StudyTable
    correct: StudyTable
    necessity: StudyTable
    repeat: StudyTable


def compared(tasks: Sequence[StudiedTask]) -> ComparedTables:
    """Compute the tables of all tasks of a study."""
    return ComparedTables(
        gap_table.chosen_table(tasks),
        correct_table.table(tasks),
        necessity_table.table(tasks),
        repeat_table.table(tasks),
    )
