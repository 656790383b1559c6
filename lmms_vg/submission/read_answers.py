"""The values that the scoring rule read from closed answers: as little as the division of a gain needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.text import normalise
from lmms_vg.runs.results import Line

#: Values that can be read from an answer; letters and other words count as readable, whichever they are.
READ = (None, "yes", "no", "other")

Codes = NDArray[np.uint8]


class ReadAnswers(NamedTuple):
    """Answers and references of a task, one byte each, as places in `READ`.

    Attributes:
        said: (questions) what the rule read in the answer; 0 where it read nothing, which counts as wrong.
        right: (questions) what the reference is.
    """

    said: Codes
    right: Codes


def read_answers(lines: Sequence[Line]) -> ReadAnswers:
    """Return what was read in the answers of a task that is scored by accuracy.

    Args:
        lines: as this version scored them; one without a score has nothing that was read.
    """
    said = [_code(line["acc"].get("extracted")) for line in lines]
    right = [_code(normalise(str(line["target"]))) for line in lines]
    return ReadAnswers(np.array(said, dtype=np.uint8), np.array(right, dtype=np.uint8))


def _code(text: str | None) -> int:
    return READ.index(text) if text in READ else READ.index("other")
