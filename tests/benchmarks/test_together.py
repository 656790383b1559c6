"""The benchmark of several methods runs; how fast they are is not for a test to say."""

from __future__ import annotations

import pytest
from benchmark_runs import reported


@pytest.mark.slow
def test_quick_run_prints_ratios_and_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    shown = reported(capsys, "together", "--quick", "--images", "1")
    assert "| 5 methods together / llava_hf plain | " in shown
    assert "| the 14 settings of Table 4 / one VGRefine run | " in shown
    assert "| plain among five and alone | 2 of 2 | " in shown
    assert "| VGRefine in the sweep and alone | 2 of 2 | " in shown
