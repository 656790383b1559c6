"""The words for where a difference lives, from its numbers."""

from __future__ import annotations

from math import nan

import pytest

from lmms_vg.metrics.decomposition import Decomposition, Share
from lmms_vg.metrics.signal_detection import DetectionShift
from lmms_vg.metrics.statistics import Difference
from lmms_vg.metrics.statistics.label_swaps import Shift
from lmms_vg.runs.saying import Change, Source
from lmms_vg.runs.source_words import source_words


def made(readable: Difference | None, yes_rate: float = 0.0) -> Change:
    shifts = [Shift(value, nan, nan, 0.5) for value in (yes_rate, 0.0, 0.01, -0.3)]
    return Change(Decomposition(Share(90, 1), Share(8, 6), Share(2, -1), readable), DetectionShift(90, 9, *shifts), 1.0)


READABLE = Difference(0.0111, -0.02, 0.04, 0.7, 12, 0.001, 0.01)


@pytest.mark.parametrize(
    ("difference", "source", "readable", "text"),
    [
        (
            0.06,
            "format",
            READABLE,
            "the gain lives in the format of the answers alone: 8 became readable and 2 no longer are, which makes +5 right "
            "answers; among the 90 questions that both runs answered readably the difference is +1.11 points (p 0.7000)",
        ),
        (
            -0.06,
            "format",
            None,
            "the loss lives in the format of the answers alone: 8 became readable and 2 no longer are, which makes +5 right "
            "answers; no question was answered readably by both",
        ),
        (
            0.06,
            "format",
            READABLE._replace(mean=-0.0719, p=0.016),
            "the gain lives in the format of the answers alone, and what both answered readably shows a loss: 8 became "
            "readable and 2 no longer are, which makes +5 right answers; among the 90 questions that both runs answered "
            "readably the difference is -7.19 points (p 0.0160)",
        ),
        (
            0.06,
            "cannot tell",
            READABLE,
            "whether the gain lives in seeing, criterion or format cannot be told from these answers",
        ),
    ],
)
def test_words(difference: float, source: Source, readable: Difference | None, text: str) -> None:
    words = source_words(difference, made(readable), source)
    assert words is not None
    assert words.text == text


@pytest.mark.parametrize(("rate", "said"), [(0.25, "more often (+25.0"), (-0.25, "less often (-25.0")])
def test_the_criterion(rate: float, said: str) -> None:
    words = source_words(0.1, made(READABLE, rate), "criterion")
    assert words is not None
    assert words.claim == "the gain lives in the criterion as far as is shown"
    assert words.evidence == f"yes is said {said} points), and d' does not show better seeing (+0.01, p 0.5000)"


@pytest.mark.parametrize("source", [None, "seeing", "answers"])
def test_nothing_of_better_answers(source: Source | None) -> None:
    assert source_words(0.1, made(READABLE), source) is None
