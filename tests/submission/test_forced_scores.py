"""Forced choice of a bundle's answers, question by question, as validation reads it."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest
import runs
from first_token_runs import TASK, with_values

from lmms_vg.submission.forced_scores import FORCED, forced_scores
from lmms_vg.submission.schema_lines import BundleAnswer, BundleFirstToken
from lmms_vg.submission.submit import submit
from lmms_vg.submission.validate import check
from lmms_vg.tasks.closed_sets import closed_set


@pytest.mark.parametrize(("yes", "score"), [(0.6, 1.0), (0.1, 0.0), (0.2, 0.5)])
def test_by_hand(yes: float, score: float) -> None:
    """The other answer has a probability of .2; ties are shared."""
    question = next(one for one in runs.questions(TASK) if closed_set(one.model_dump()) and one.answer.lower() == "yes")
    values = BundleFirstToken(log_p={"yes": log(yes), "no": log(0.2)}, mass=yes + 0.2)
    answers = [BundleAnswer(uid=question.uid, answer="no", first_token=first) for first in (values, None)]
    none = BundleAnswer(uid=question.uid, answer="no", first_token=BundleFirstToken(no_value="thinks_first"))
    assert forced_scores(TASK, [(question, answer) for answer in (*answers, none)]) == [score, None, None]


def test_a_checked_bundle_has_them(tmp_path: Path) -> None:
    """Every saved value prefers yes, whatever the answers say."""
    run = runs.save_run(tmp_path / "run", TASK, say=runs.mostly_right(0))
    number = with_values(next(tmp_path.glob("run/**/*_results.json")))
    submit([run], runs.CARD, tmp_path / "made.zip")
    entry = check(tmp_path / "made.zip").entry
    assert entry is not None
    scores = entry.scores[TASK].under(FORCED)
    assert scores is not None
    expected = [
        float(one.answer.lower() == "yes") if closed_set(one.model_dump()) else np.nan for one in runs.questions(TASK)
    ]
    assert np.array_equal(scores.values, expected, equal_nan=True)
    assert np.isfinite(scores.values).sum() == number


def test_a_bundle_without_values_has_none(tmp_path: Path) -> None:
    submit([runs.save_run(tmp_path / "run", TASK, say=runs.mostly_right(0))], runs.CARD, tmp_path / "made.zip")
    entry = check(tmp_path / "made.zip").entry
    assert entry is not None
    assert entry.scores[TASK].under(FORCED) is None
