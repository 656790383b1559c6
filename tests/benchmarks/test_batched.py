"""The benchmark of batches runs, and batches answer as one question at a time; how fast they are is not for a test to say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import warm


@pytest.mark.e2e
def test_quick_run_prints_ratios_and_equal_answers() -> None:
    done = subprocess.run(
        [warm.programs() / "python", "-m", "benchmarks.batched", "--quick", "--rounds", "1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    for number in (7, 1):
        for other in ("llava_hf", "plain"):
            assert f"| VGRefine / {other}, {number} per image | " in done.stdout
    assert "| plain and llava_hf, 7 per image | 28 of 28 | " in done.stdout
    assert "| plain and llava_hf, 1 per image | 4 of 4 | " in done.stdout
