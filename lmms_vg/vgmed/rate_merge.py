"""Combine the ratings of several raters: which questions stay, and how far the raters agree.

A question with any score below 3 is dropped, as in the paper. So is one that nobody has rated, and one that a rater has put on
both sides of 3, in the repeat or in another file: nobody knows which of the two was meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmms_vg.vgmed.agreement import Agreement, agreement
from lmms_vg.vgmed.rated_questions import DropReason, RatedQuestion
from lmms_vg.vgmed.ratings import RatingFile, Scores
from lmms_vg.vgmed.rubric import SCALES, THRESHOLD


@dataclass(frozen=True)
class RatingsMerged:
    """The ratings of all raters.

    Attributes:
        questions: in the data set's order.
        raters: names, sorted.
        problems: where files of one rater differ, in words.
    """

    questions: list[RatedQuestion]
    raters: list[str]
    problems: list[str]

    def between(self, scale: int, kind: str) -> Agreement:
        """Return the agreement of raters with each other on one scale, before any question is dropped."""
        members = np.array([question.kind == kind for question in self.questions], bool)
        return agreement(self._scores[0][:, members, scale])

    def within(self, rater: str, scale: int) -> Agreement:
        """Return the agreement of a rater's two scores of the questions that were shown twice."""
        showings = self._scores[:, self.raters.index(rater), :, scale]
        return agreement(showings[:, showings.all(axis=0)])

    @cached_property
    def _scores(self) -> NDArray[np.int8]:
        """(showings, raters, questions, scales), 0 where a rater has not rated."""
        scores = np.zeros((2, len(self.raters), len(self.questions), len(SCALES)), np.int8)
        places = {rater: place for place, rater in enumerate(self.raters)}
        for number, question in enumerate(self.questions):
            for showing, given in enumerate((question.scores, question.repeats)):
                for rater, ratings in given.items():
                    scores[showing, places[rater], number] = ratings
        return scores


def merge(kinds: Mapping[str, str], files: Sequence[RatingFile]) -> RatingsMerged:
    """Combine files of ratings. A rater may have several, as long as they agree.

    Args:
        kinds: uid -> kind of every question, in the data set's order.
        files: their ratings are of these questions.
    """
    clear: dict[int, dict[str, dict[str, Scores]]] = {1: defaultdict(dict), 2: defaultdict(dict)}
    twice: set[tuple[str, str, int]] = set()
    for file in files:
        for rating in file.ratings:
            if clear[rating.showing][rating.question].setdefault(file.rater, rating.scores) != rating.scores:
                twice.add((rating.question, file.rater, rating.showing))
    for uid, rater, showing in twice:
        del clear[showing][uid][rater]
    differing = sorted({(uid, rater) for uid, rater, _ in twice})
    unclear = {uid for uid, _ in differing}
    questions = [
        _rated(uid, kind, clear[1].get(uid, {}), clear[2].get(uid, {}), uid in unclear) for uid, kind in kinds.items()
    ]
    problems = [
        f"rater {rater!r}: files have different scores of {uid}, which is dropped; give only the newest file of a rater"
        for uid, rater in differing
    ]
    return RatingsMerged(questions, sorted({file.rater for file in files}), problems)


def _rated(uid: str, kind: str, scores: dict[str, Scores], repeats: dict[str, Scores], unclear: bool) -> RatedQuestion:
    reasons: list[DropReason] = []
    if any(min(ratings) < THRESHOLD for ratings in (*scores.values(), *repeats.values())):
        reasons.append("low")
    if not scores and not repeats and not unclear:
        reasons.append("unrated")
    if unclear or any(_crossed(scores[rater], repeats[rater]) for rater in scores.keys() & repeats.keys()):
        reasons.append("contradictory")
    return RatedQuestion.model_construct(uid=uid, kind=kind, scores=scores, repeats=repeats, reasons=reasons)


def _crossed(first: Scores, second: Scores) -> bool:
    return any((a < THRESHOLD) != (b < THRESHOLD) for a, b in zip(first, second, strict=True))
