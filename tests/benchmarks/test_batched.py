"""The benchmark of batches runs, and batches answer as one question at a time; how fast they are is not for a test to say."""

from __future__ import annotations

import pytest
from benchmark_runs import printed


@pytest.mark.e2e
def test_quick_run_prints_ratios_and_equal_answers() -> None:
    shown = printed("batched", "--quick", "--rounds", "1")
    for number in (7, 1):
        for other in ("llava_hf", "plain"):
            assert f"| VGRefine / {other}, {number} per image | " in shown
    assert "| plain and llava_hf, 7 per image | 28 of 28 | " in shown
    assert "| plain and llava_hf, 1 per image | 4 of 4 | " in shown
