"""The simulations of the verdicts in short: rates that docs/statistics.md states for 1,000 repetitions hold for fewer, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from few_draws import few_draws

from benchmarks import seeds_and_weights, verdicts
from benchmarks.verdict_row import Row
from benchmarks.yes_no_runs import runs_with_everything
from lmms_vg.runs.compare import compare


def test_two_standard_errors_are_allowed() -> None:
    """Of 100 repetitions 5 +- 4.36 may alarm at .05."""
    assert Row("", 0.09, 0.05, False, 100).holds
    assert not Row("", 0.10, 0.05, False, 100).holds
    assert Row("", 0.88, 0.93, True, 100).holds
    assert not Row("", 0.87, 0.93, True, 100).holds


@pytest.mark.slow
@pytest.mark.parametrize(
    "simulation",
    [
        *(lambda images=images: verdicts.type_one(images, 1000, 1) for images in (2, 5, 10)),
        lambda: verdicts.coverage(0.99, 30, 1000, 1),
        lambda: verdicts.coverage(0.997, 300, 1000, 1),
        lambda: seeds_and_weights.weighted_coverage((0.01,) * 5, 400, 1),
        lambda: seeds_and_weights.weighted_coverage((0.0, 0.0, 0.0, 0.0, 0.05), 400, 1),
        lambda: verdicts.direct(1000, 1),
        lambda: verdicts.winner(200, 1),
        lambda: verdicts.margin(300, 1),
    ],
)
def test_verdicts_hold_where_the_truth_is_known(simulation: Callable[[], Row]) -> None:
    row = simulation()
    assert row.holds, row


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "spread"), [(2, 0.0), (5, 0.1)])
def test_equal_settings_of_several_seeds_seldom_differ(runs: int, spread: float) -> None:
    for row in seeds_and_weights.repeated_settings(runs, spread, 200, 1):
        assert row.holds, row


@pytest.mark.slow
@pytest.mark.parametrize(("images", "repetitions"), [(5, 100), (10, 100), (15, 60)])
def test_equal_runs_seldom_seem_to_see_better(images: int, repetitions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    few_draws(monkeypatch)
    for row in verdicts.type_one_of_seeing(images, repetitions, 1):
        assert row.holds, row
        assert row.rate > 0 or images == 5  # a test that never alarms would hold, too


@pytest.mark.slow
def test_what_the_verdicts_replace_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blind runs differ by their yes-rate alone: nearly always significant, and hardly ever called better seeing."""
    few_draws(monkeypatch)
    seeing, better = verdicts.blind(40, 1)
    assert seeing.holds
    assert better.rate > 0.5


def test_what_is_timed_has_every_table() -> None:
    """First-token values, too: without them AUC and calibration would cost nothing. How long it takes is no test."""
    comparison = compare(runs_with_everything(80, 3))
    assert all(line.against.forced and line.against.change for line in comparison.tested if line.against)
    assert len(comparison.tested) == 3
    assert all(head in comparison.table() for head in ("| lives in |", "| change of AUC |", "| detectable |"))
    assert verdicts.seconds_of_comparison(20, 1) > 0
