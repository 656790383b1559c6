"""The benchmark of calibration runs; how fast it is, is not for a test to say."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_quick_run_prints_ratios_and_equal_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")  # importing it would set this for all tests to come
    from benchmarks import calibration

    calibration.main(["--quick", "--images", "1", "--questions-per-image", "2"])
    shown = capsys.readouterr().out
    assert "| calibration / plain, 16 tokens | " in shown
    assert "| peak resident set, 8 questions / 4 | " in shown
    assert "| calibration and plain, 1 token | 2 of 2 | " in shown, "the same model was asked"
