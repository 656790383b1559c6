"""A validated submission as the page needs it: of every question only its score, so that hundreds fit into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.submission.schema import Manifest

Values = NDArray[np.float64]


class Scores(NamedTuple):
    """Per question of one task, in the benchmark's order; NaN where the question itself cannot be scored.

    ``questions`` is the SHA-256 of the questions' file: scores are comparable where it and ``rule`` are equal. ``metric`` is
    what the task is compared by, ``acc`` or ``open_recall``; of measurements ``ar``, with ``values`` at the layer of lowest
    mean KL. ``images`` cluster the questions. ``categories``: axis -> category of every question.
    ``verified``: whether the questions were compared with the benchmark's own.
    """

    questions: str
    rule: str
    metric: str
    images: tuple[str, ...]
    values: Values
    categories: dict[str, tuple[str, ...]]
    verified: bool


@dataclass(frozen=True)
class Entry:
    """``id`` is the submission's folder name. ``notes`` are a validation's notes: what could not be checked, and leaks."""

    id: str
    manifest: Manifest
    scores: dict[str, Scores]
    notes: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The method's class name, such as ``VGRefine``."""
        return self.manifest.run.method.partition("(")[0]

    @property
    def is_plain(self) -> bool:
        """Whether nothing is edited."""
        return self.method == "Plain"
