"""Ten SIGKILLs over two runs, at random bytes and moments, end in the results file of a run that nobody disturbed."""

from __future__ import annotations

import pytest
from benchmark_runs import printed
from saved_run import tables


@pytest.mark.e2e
def test_killed_runs_end_in_the_results_of_an_undisturbed_one() -> None:
    shown = printed("kills", "--times", "1", "--questions", "16", "--seed", "3")
    ((_, *rows),) = tables(shown)
    values = {name: int(value) for name, value in rows}
    assert values["SIGKILLs"] == 10
    assert values["torn lines left by them"] > 2, "otherwise they hit nothing"
    assert values["questions asked twice"] == 0
    assert values["runs with the results file of the undisturbed run"] == values["runs"] == 2
