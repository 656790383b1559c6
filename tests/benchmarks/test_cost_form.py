"""Constants fitted to made-up times; and the check runs at tiny size. How well the form fits is not for a test to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark_runs import reported
from saved_run import tables

from benchmarks.cost_form import fit


def test_fit_finds_the_constants_that_made_the_times() -> None:
    """A prefix of 4 s and .5 s a question; one slow question moves neither."""
    fitted = fit([4.5, 0.5, 3.0, 0.5])
    assert (fitted.prefix, fitted.question) == pytest.approx((4, 0.5))
    assert fitted.seconds("plain", questions=3, images=1) == pytest.approx(5.5)


@pytest.mark.slow
def test_quick_run_predicts_from_seven_questions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMMS_VG_SHARED_DATA", str(tmp_path))
    shown = reported(capsys, "cost_form", "--quick", "--images", "1")
    ((_, *rows),) = tables(shown)
    assert [row[0] for row in rows] == ["7", "4", "1"]
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)
    assert "Fitted at 7 questions per image" in shown
