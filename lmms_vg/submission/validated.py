"""A validated submission as the page needs it: of every question only its scores, so that hundreds fit into memory."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.submission.schema import Manifest

Values = NDArray[np.float64]


class Scores(NamedTuple):
    """Per question of one task, in the benchmark's order; NaN where the question itself cannot be scored.

    ``questions`` is the SHA-256 of the questions' file. ``metric`` is what the task is compared by, ``acc`` or
    ``open_recall``; of measurements ``ar``, with ``values`` at the layer of lowest mean KL over all questions.
    ``uids`` name the questions, ``images`` cluster them. ``categories``: axis -> category of every question. ``verified``:
    whether the questions were compared with the benchmark's own. ``further``: metric -> rule and values of the same questions,
    for what else has a value a question: ``kl`` and ``js`` at the same layer as ``ar``, ``bleu1`` beside ``open_recall``.
    """

    questions: str
    rule: str
    metric: str
    uids: tuple[str, ...]
    images: tuple[str, ...]
    values: Values
    categories: dict[str, tuple[str, ...]]
    verified: bool
    further: Mapping[str, tuple[str, Values]] = {}

    @property
    def comparable(self) -> Hashable:
        """What the scores of two runs on a task must have in common: questions, rule, and which of them have a score."""
        return self.questions, self.rule, np.isnan(self.values).tobytes()

    def under(self, metric: str) -> Scores | None:
        """The scores of a metric; None where there is no value a question."""
        if metric == self.metric:
            return self
        if metric not in self.further:
            return None
        rule, values = self.further[metric]
        return self._replace(rule=rule, metric=metric, values=values, further={})


@dataclass(frozen=True)
class Entry:
    """``id`` is the submission's folder name. ``notes`` are a validation's notes: what could not be checked, and leaks.

    ``arrival``: its place in the history of the repository that holds its bundle, None where that is not known.
    """

    id: str
    manifest: Manifest
    scores: dict[str, Scores]
    notes: tuple[str, ...] = ()
    arrival: int | None = None

    @property
    def method(self) -> str:
        """The method's name, such as ``vgrefine``."""
        return self.manifest.run.method.name

    @property
    def is_plain(self) -> bool:
        """Whether nothing is edited."""
        return self.method == "plain"

    def precedence(self) -> tuple[bool, int, str]:
        """Sorts by arrival, what has none last, and then by id."""
        return self.arrival is None, self.arrival or 0, self.id
