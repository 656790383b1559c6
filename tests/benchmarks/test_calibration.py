"""The benchmark of calibration runs; how fast it is, is not for a test to say."""

from __future__ import annotations

import pytest

from benchmarks import calibration


@pytest.mark.slow
def test_quick_run_prints_ratios_and_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    calibration.main(["--quick", "--images", "1", "--questions-per-image", "2"])
    shown = capsys.readouterr().out
    assert "| calibration / plain, 16 tokens | " in shown
    assert "| peak resident set, 4 questions / 2 | " in shown
    assert "| calibration and plain, 1 token | 2 of 2 | " in shown, "the same model was asked"
