"""Answers, apart from whether they are right: readable or not, yes or no; and the parts of a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from lmms_vg.metrics.decomposition import Decomposition, decompose
from lmms_vg.metrics.signal_detection import Detection, DetectionShift, detection, detection_shift
from lmms_vg.metrics.text import normalise
from lmms_vg.runs.results import TaskRun

#: The source of a significant difference: answers that became readable, in the readiness to say yes, in telling yes from no,
#: in the readable answers of questions that are not yes/no, or in nothing that can be named.
Source = Literal["format", "criterion", "seeing", "answers", "cannot tell"]

#: A corrected p-value below this counts as significant.
LEVEL = 0.05


class Saying(NamedTuple):
    """Readability and yes-rate of one run on a task or group.

    Attributes:
        unreadable: share of the answers that the rule could not read, which count as wrong.
        detection: of the yes/no questions that were answered with yes or no; None if there is none.
    """

    unreadable: float
    detection: Detection | None


class Change(NamedTuple):
    """The parts of a difference between two runs.

    Attributes:
        parts: by readability.
        shift: of the yes/no questions that both runs answered with yes or no; None if there is none, or if all of their
            references are the same.
        yes_no: share of these among the questions that both runs answered readably.
    """

    parts: Decomposition
    shift: DetectionShift | None
    yes_no: float

    def source(self, difference: float, p: float) -> Source | None:
        """Return the source of a difference with a corrected p-value; None if it is not significant.

        The p-values within are not corrected: they are looked at only if the difference itself is significant.
        """
        if not p < LEVEL:
            return None
        readable, shift = self.parts.readable, self.shift
        if readable is None or not (readable.p < LEVEL and readable.mean * difference > 0):
            return "format" if self._is_mostly_format else "cannot tell"
        if self.yes_no < 0.5:
            return "answers"
        if shift is None:
            return "cannot tell"
        if shift.d_prime.p < LEVEL and shift.d_prime.mean * difference > 0:
            return "seeing"
        return "criterion" if shift.criterion.p < LEVEL else "cannot tell"

    @property
    def _is_mostly_format(self) -> bool:
        """Whether more than half of the difference comes from answers that became readable or stopped being so.

        That the others show no difference is not enough: without a single answer they may just miss the level.
        """
        of_format = self.parts.newly.net + self.parts.no_longer.net
        total = self.parts.both.net + of_format
        return of_format * total > 0 and abs(of_format) > abs(total) / 2


def saying(parts: Sequence[TaskRun]) -> Saying | None:
    """Describe a run's answers on the tasks of a line; None if their samples do not state what was read in the answers."""
    if not _states(parts):
        return None
    read = [part.extracted[uid] for part in parts for uid in part.scores]
    detected = None
    if answers := _yes_no(parts).values():
        detected = detection([said for said, _ in answers], [truth for _, truth in answers])
    return Saying(read.count(None) / len(read), detected)


def change(
    before: Sequence[TaskRun], after: Sequence[TaskRun], clusters: Mapping[str, str], family: int = 1
) -> Change | None:
    """Describe what changed from one run's answers to another's; None if one of them does not state what was read.

    Args:
        before: tasks of the first run, restricted to the questions of both.
        after: the same tasks of the second.
        clusters: task and uid -> the unit that is drawn.
        family: number of comparisons that p-values are corrected for.
    """
    if not (_states(before) and _states(after)):
        return None
    a, b = (scores_of(parts) for parts in (before, after))
    read_a, read_b = (
        {
            f"{part.task} {uid}"
            for part in parts
            for uid, text in part.extracted.items()
            if text is not None and uid in part.scores
        }
        for parts in (before, after)
    )
    parts = decompose(a, b, read_a, read_b, clusters, family=family)
    first, second = _yes_no(before), _yes_no(after)
    both = [key for key in first if key in second]
    shift = None
    if both:
        shift = detection_shift(
            [first[key][0] for key in both],
            [second[key][0] for key in both],
            [first[key][1] for key in both],
            [clusters[key] for key in both],
        )
    return Change(parts, shift, len(both) / parts.both.n if parts.both.n else 0.0)


def scores_of(parts: Sequence[TaskRun]) -> dict[str, float]:
    """Return the scores of several tasks, by task and uid."""
    return {f"{part.task} {uid}": score for part in parts for uid, score in part.scores.items()}


def _states(parts: Sequence[TaskRun]) -> bool:
    return all(part.scores and part.scores.keys() <= part.extracted.keys() for part in parts)


def _yes_no(parts: Sequence[TaskRun]) -> dict[str, tuple[bool, bool]]:
    """Yes/no questions that were answered with yes or no: task and uid -> said yes, yes is right."""
    results = {}
    for part in parts:
        for uid in part.scores:
            reference = normalise(part.asked[uid].reference) if uid in part.asked else ""
            if reference in ("yes", "no") and (text := part.extracted[uid]) in ("yes", "no"):
                results[f"{part.task} {uid}"] = (text == "yes", reference == "yes")
    return results
