"""Lines of a submission's page: readability and yes-rate on each task, and the parts of its difference from the plain run."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import NamedTuple

from lmms_vg.leaderboard.said import task_run
from lmms_vg.metrics.statistics import Difference
from lmms_vg.metrics.statistics.label_swaps import Shift
from lmms_vg.runs.compared_line import against, as_family
from lmms_vg.runs.comparison import AgainstBase
from lmms_vg.runs.comparison_cells import show_interval, too_few
from lmms_vg.runs.results import TaskRun
from lmms_vg.runs.said_tables import said_cells
from lmms_vg.runs.saying import Saying, saying
from lmms_vg.runs.source_words import source_words
from lmms_vg.runs.text_tables import show_p
from lmms_vg.submission.validated import Entry

_UNIT = "image or patient"  # questions that name their patient are drawn by patient


class SaidLine(NamedTuple):
    """Readability and yes-rate on a task.

    Attributes:
        n: number of questions with a score.
        own: what the submission said.
        plain: what its plain run said; None without one.
        against: what changed from the plain run, p corrected over the lines of the page; None without one.
    """

    task: str
    n: int
    own: Saying
    plain: Saying | None
    against: AgainstBase | None

    @property
    def words(self) -> str:
        """The source of a significant difference that does not come from better answers; else empty."""
        if self.against is None or self.against.change is None:
            return ""
        words = source_words(self.against.difference.mean, self.against.change, self.against.source)
        return words.text if words is not None else ""


def said_lines(entry: Entry, plain: Mapping[str, Entry]) -> list[SaidLine]:
    """Return the lines of the tasks whose answers can be read as right or wrong.

    Args:
        entry: the submission.
        plain: task -> its plain run.
    """
    own = {task: task_run(task, scores) for task, scores in sorted(entry.scores.items()) if scores.read is not None}
    before = {task: task_run(task, plain[task].scores[task]) for task in own if task in plain}
    tested = {task: against([run], [own[task]], None, "image", len(before)) for task, run in before.items()}
    corrected = as_family(tested, len(before))
    return [
        SaidLine(task, len(run.scores), said, _said(before.get(task)), corrected.get(task))
        for task, run in own.items()
        if (said := saying([run])) is not None
    ]


def _said(run: TaskRun | None) -> Saying | None:
    return None if run is None else saying([run])


def said_texts(said: Saying) -> list[str]:
    """Return the cells of one row: unreadable, the number of yes/no answers, yes-rate, balanced accuracy, d' and criterion."""
    unreadable, *others = said_cells(said)
    return [unreadable, f"{said.detection.n:,}" if said.detection is not None else "", *others]


def changed_texts(line: AgainstBase) -> list[tuple[str, list[str]]]:
    """Return the cells of a row with small print: difference, source, three parts, changes of d' and criterion."""
    cells = [_points(line.difference, f"p (Holm) {show_p(line.holm)}"), (line.source or "", [])]
    if line.change is None:
        return [*cells, *[("", [])] * 5]
    parts, shift = line.change.parts, line.change.shift
    counts = [f"n {part.n:,}" for part in (parts.both, parts.newly, parts.no_longer)]
    readable = parts.readable
    cells.append(_points(readable, f"p {show_p(readable.p)}", counts[0]) if readable else ("", [counts[0]]))
    cells += [(f"{part.net:+g}", [n]) for part, n in zip((parts.newly, parts.no_longer), counts[1:], strict=True)]
    return cells + (
        [_shift(difference, shift.n) for difference in (shift.d_prime, shift.criterion)] if shift else [("", [])] * 2
    )


def _points(difference: Difference, *small: str) -> tuple[str, list[str]]:
    return f"{100 * difference.mean:+.2f}", [show_interval(difference, unit=_UNIT), *small]


def _shift(shift: Shift, n: int) -> tuple[str, list[str]]:
    ends = [f"{shift.low:+.2f} to {shift.high:+.2f}", f"p {show_p(shift.p)}"]
    return f"{shift.mean:+.2f}", [*([too_few(_UNIT)] if isnan(shift.p) else ends), f"n {n:,}"]
