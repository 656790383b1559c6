"""Intervals that hold together, against the known quantile of the largest of independent normal values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmms_vg.metrics.statistics.simultaneous import simultaneous


@pytest.mark.parametrize("number", [1, 3, 40])
def test_reach_is_that_of_the_largest_of_independent_normals(number):
    drawn = np.random.default_rng(0).normal(5.0, 2.0, (number, 40_000))
    low, high = simultaneous(np.full(number, 5.0), drawn)
    expected = 2.0 * stats.norm.ppf((1 + 0.95 ** (1 / number)) / 2)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.03)
    assert (high + low) / 2 == pytest.approx(5.0)


def test_means_that_move_together_cost_nothing():
    one = np.random.default_rng(0).normal(0.0, 1.0, 20_000)
    alone = simultaneous(np.zeros(1), one[None])
    together = simultaneous(np.zeros((2, 2)), np.stack([one, 3 * one, -one, one]).reshape(2, 2, -1))
    assert together.high == pytest.approx(alone.high[0] * np.array([[1, 3], [1, 1]]))


@pytest.mark.slow
def test_the_truth_lies_within_all_intervals_in_19_of_20_samples():
    rng, held = np.random.default_rng(1), 0
    for _ in range(300):
        sample = rng.normal(0, 1, (60, 8)) + rng.normal(0, 1, (60, 1))
        times = rng.multinomial(60, np.full(60, 1 / 60), 400)
        low, high = simultaneous(sample.mean(axis=0), (times @ sample).T / 60)
        held += bool((low < 0).all() and (high > 0).all())
    assert 0.90 < held / 300 < 0.98


def test_what_does_not_vary_and_what_has_no_resamples():
    low, high = simultaneous(np.array([1.0, 2.0]), np.stack([np.ones(50), np.linspace(1, 3, 50)]))
    assert (low[0], high[0]) == (1, 1)
    low, _ = simultaneous(np.full(2, 1e-9), np.full((2, 50), 1e-9) + np.linspace(-1e-10, 1e-10, 50), least=1e-6)
    assert (low < 0).all(), "below the values' own precision"
    assert np.isnan(simultaneous(np.ones(2), np.empty((2, 0)))).all()
    with pytest.raises(ValueError, match="allowed is one more axis"):
        simultaneous(np.ones(2), np.ones((3, 5)))
