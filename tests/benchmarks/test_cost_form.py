"""Constants fitted to made-up times; and the check runs at tiny size. How well the form fits is not for a test to say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import warm
from saved_run import tables

from benchmarks.cost_form import fit


def test_fit_finds_the_constants_that_made_the_times() -> None:
    """A prefix of 4 s and .5 s a question; one slow question moves neither."""
    fitted = fit([4.5, 0.5, 3.0, 0.5])
    assert (fitted.prefix, fitted.question) == pytest.approx((4, 0.5))
    assert fitted.seconds("plain", questions=3, images=1) == pytest.approx(5.5)


@pytest.mark.e2e
def test_quick_run_predicts_from_seven_questions(tmp_path: Path) -> None:
    done = subprocess.run(
        [warm.programs() / "python", "-m", "benchmarks.cost_form", "--quick", "--images", "2"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1", "LMMS_VG_SHARED_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    ((_, *rows),) = tables(done.stdout)
    assert [row[0] for row in rows] == ["7", "4", "1"]
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)
    assert "Fitted at 7 questions per image" in done.stdout
