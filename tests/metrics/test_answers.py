"""Multiple-choice answers in the styles of many models, in addition to the specification of the rule."""

from __future__ import annotations

import pytest
from cases_answers import ANSWERS

from lmms_vg.metrics.choice import extract

CASES = [(answer, letter, options) for options, cases in ANSWERS for answer, letter in cases]


@pytest.mark.parametrize(("answer", "letter", "options"), CASES)
def test_answers(answer: str, letter: str | None, options: tuple[str, ...]) -> None:
    assert extract(answer, options) == letter
