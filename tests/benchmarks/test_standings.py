"""A short form of the simulation: where the truth is known, ranks and verdicts hold; the simulation draws what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import standings
from lmms_vg.paper.published import table

SHORT = 100


def test_rows_have_the_accuracies_that_they_should() -> None:
    rng = np.random.default_rng(0)
    accuracies = [0.55, 0.61, 0.9]
    means = np.mean([standings.scores(rng, accuracies).mean(axis=1) for _ in range(100)], axis=0)
    assert means == pytest.approx(accuracies, abs=0.005)


@pytest.fixture
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quantile of 500 is as right as one of thousands, and coarser."""
    monkeypatch.setattr(standings, "RESAMPLES", 500)


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_resamples")
def test_among_twenty_equal_rows_nobody_is_ranked_behind_another_too_often() -> None:
    corrected, alone = standings.anybody_behind(20, SHORT, seed=20)
    assert corrected.value <= standings.most(SHORT)
    assert alone.value > 0.7, "which is what the correction is for"


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_resamples")
def test_a_row_truly_six_points_better_is_found() -> None:
    found = standings.power(10, SHORT, seed=1)
    assert found.above.value >= standings.WANTED_POWER
    assert found.wrong.value <= standings.most(SHORT)
    assert found.alone.value > found.above.value > found.first.value > 0


@pytest.mark.parametrize(("id", "n"), [("1", None), ("F.4", None), ("2", 30)])
def test_no_run_that_equals_another_row_is_called_the_same(id: str, n: int | None) -> None:
    codes = standings.taken_for_another(table(id), n)
    assert "same" not in codes
    assert "within" not in codes, "the row that it equals is named"
    assert sum(codes.values()) > 100


def test_shares_have_the_error_of_their_repetitions() -> None:
    assert standings.share([0.0, 1.0] * 50) == pytest.approx((0.5, 0.05))
    assert standings.most(1000) == pytest.approx(0.05 + 2 * 0.00689, abs=1e-4)


def test_the_script_prints_every_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "EQUAL_ROWS", (2,))
    monkeypatch.setattr(standings, "POWER_ROWS", 3)
    monkeypatch.setattr(standings, "CASES", (("2", 30),))
    standings.main(["--repetitions", "2"])
    shown = capsys.readouterr().out
    assert "Simulated, 2 repetitions" in shown
    assert "| Table 2, 30 other questions | 0 |" in shown
