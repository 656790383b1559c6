"""The benchmark of preparing ahead; how fast it is, is not for a test to say."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_quick_run_prints_ratios_and_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks import ahead

    ahead.main(["--quick"])
    shown = capsys.readouterr().out
    for multiple in ("1.25", "2"):
        assert f"| wall / model, 1 question per image, model {multiple} x preparation | " in shown
        assert f"| one by one, 7 questions per image, model {multiple} x preparation | " in shown
    assert "| ahead and one by one | 28 of 28 | " in shown
