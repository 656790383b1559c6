"""Wilson's interval against scipy; the effective number of questions where it is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from lmms_vg.metrics.statistics import cluster_interval, effective_n, wilson


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 30), (29, 30), (30, 30), (150, 300), (299, 300)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_against_scipy(right: int, n: int, level: float) -> None:
    expected = binomtest(right, n).proportion_ci(confidence_level=level, method="wilson")
    assert wilson(right / n, n, level=level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("share", "n"), [(1.1, 3), (-0.1, 3), (0.5, 0)])
def test_what_is_no_share_of_anything(share: float, n: float) -> None:
    with pytest.raises(ValueError, match="allowed is a share"):
        wilson(share, n)


def test_own_images_are_independent_and_equal_images_count_once() -> None:
    events = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert effective_n(events, range(12)) == 12
    assert effective_n([0] * 12, [number // 4 for number in range(12)]) == 3
    assert effective_n([1] * 12, [number // 4 for number in range(12)]) == 3
    whole_images = np.repeat(np.random.default_rng(0).integers(0, 2, 400), 5)
    assert effective_n(whole_images, np.repeat(np.arange(400), 5).tolist()) == pytest.approx(400, rel=0.02)


def test_events_that_ignore_images_lose_little() -> None:
    events = (np.random.default_rng(0).random(2000) < 0.2).astype(float)
    assert effective_n(events, np.repeat(np.arange(500), 4).tolist()) > 1700


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "n"), [(0.99, 30), (0.997, 300)])
def test_coverage_at_the_ends(truth: float, n: int) -> None:
    rng = np.random.default_rng(n)
    repetitions = 1000
    covered = 0
    for right in rng.binomial(n, truth, repetitions):
        low, high = cluster_interval([1.0] * right + [0.0] * (n - right), range(n), resamples=1)
        covered += low <= truth <= high
    assert covered / repetitions >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / repetitions)
