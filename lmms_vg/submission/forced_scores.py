"""Forced choice of a bundle's answers: whether the right one of the allowed answers is the likeliest first token."""

from __future__ import annotations

from collections.abc import Iterable

from lmms_vg.metrics.forced_choice import preference
from lmms_vg.submission.question_check import document
from lmms_vg.submission.schema_lines import BundleAnswer, BundleQuestion
from lmms_vg.tasks.closed_sets import place_of

#: Name of the metric among `Scores.further`.
FORCED = "forced_choice"


def forced_scores(task: str, pairs: Iterable[tuple[BundleQuestion, BundleAnswer]]) -> list[float | None]:
    """Return 1, 0 or a shared part of 1 per question; None for a question without values, or whose answer is none of them."""
    return [_score(task, question, answer) for question, answer in pairs]


def _score(task: str, question: BundleQuestion, answer: BundleAnswer) -> float | None:
    values = answer.first_token.log_p if answer.first_token is not None else {}
    if len(values) < 2:
        return None
    right = place_of(document(task, question)["answer"], tuple(values))
    return None if right is None else preference(list(values.values()), right).correct
