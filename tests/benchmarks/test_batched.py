"""The benchmark of batches runs, and batches answer as one question at a time; how fast they are is not for a test to say."""

from __future__ import annotations

import pytest
from benchmark_runs import reported


@pytest.mark.slow
def test_quick_run_prints_ratios_and_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    shown = reported(capsys, "batched", "--quick", "--rounds", "1")
    for number in (7, 1):
        for other in ("llava_hf", "plain"):
            assert f"| VGRefine / {other}, {number} per image | " in shown
    assert "| plain and llava_hf, 7 per image | 14 of 14 | " in shown
    assert "| plain and llava_hf, 1 per image | 2 of 2 | " in shown
