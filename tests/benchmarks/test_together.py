"""The benchmark of several methods runs; how fast they are is not for a test to say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import warm


@pytest.mark.e2e
def test_quick_run_prints_ratios_and_equal_answers() -> None:
    done = subprocess.run(
        [warm.programs() / "python", "-m", "benchmarks.together", "--quick", "--images", "1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "| 5 methods together / llava_hf plain | " in done.stdout
    assert "| the 14 settings of Table 4 / one VGRefine run | " in done.stdout
    assert "| plain among five and alone | 2 of 2 | " in done.stdout
    assert "| VGRefine in the sweep and alone | 2 of 2 | " in done.stdout
