"""The benchmark of calibration runs; how fast it is, is not for a test to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.e2e
def test_quick_run_prints_ratios_and_equal_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.calibration", "--quick", "--images", "1", "--questions-per-image", "2"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "| calibration / plain, 16 tokens | " in done.stdout
    assert "| peak resident set, 8 questions / 4 | " in done.stdout
    assert "| calibration and plain, 1 token | 2 of 2 | " in done.stdout, "the same model was asked"
