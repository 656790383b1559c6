"""Ten SIGKILLs over two runs, at random bytes and moments, end in the results file of a run that nobody disturbed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import warm
from saved_run import tables


@pytest.mark.e2e
def test_killed_runs_end_in_the_results_of_an_undisturbed_one() -> None:
    done = subprocess.run(
        [warm.programs() / "python", "-m", "benchmarks.kills", "--times", "1", "--questions", "16", "--seed", "3"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ((_, *rows),) = tables(done.stdout)
    values = {name: int(value) for name, value in rows}
    assert values["SIGKILLs"] == 10
    assert values["torn lines left by them"] > 2, "otherwise they hit nothing"
    assert values["questions asked twice"] == 0
    assert values["runs with the results file of the undisturbed run"] == values["runs"] == 2
