"""Equivalence and smallest detectable differences, by hand and on runs of known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp

from lmms_vg.metrics.statistics import Difference, equal_within, paired, smallest_detectable


def difference(mean: float, error: float, images: int = 1000) -> Difference:
    return Difference(mean, mean - 2 * error, mean + 2 * error, 0.5, images, 1e-9, error)


def test_within_a_margin() -> None:
    assert equal_within(difference(0.002, 0.004), 0.01) == "yes"  # .002 + 1.65 * .004 < .01
    assert equal_within(difference(0.004, 0.004), 0.01) == "cannot tell"
    assert equal_within(difference(-0.02, 0.004), 0.01) == "no"  # -.02 + 1.65 * .004 < -.01
    assert equal_within(difference(0.0, math.nan, 1), 0.01) == "cannot tell"
    with pytest.raises(ValueError, match="margin 0"):
        equal_within(difference(0, 1), 0)


def test_two_one_sided_tests_of_scipy() -> None:
    """One question per image: the clustered test is a t-test of the differences."""
    rng = np.random.default_rng(0)
    for gain in (0.0, 0.05, 0.1, 0.2, 0.3):
        values = rng.normal(gain, 0.6, 400)
        b = dict(enumerate(values.tolist()))
        result = paired(dict.fromkeys(b, 0.0), b, {uid: uid for uid in b}, resamples=10)
        tests = [
            ttest_1samp(values, -0.1, alternative="greater").pvalue,
            ttest_1samp(values, 0.1, alternative="less").pvalue,
        ]
        assert (equal_within(result, 0.1) == "yes") == (max(tests) < 0.05)


def test_runs_without_a_difference_are_equal_only_if_there_are_enough_images() -> None:
    for images, expected in ((100, "cannot tell"), (1000, "yes")):
        a = dict.fromkeys(range(images), 1.0)
        assert equal_within(paired(a, dict(a), {uid: uid for uid in a}), 0.01) == expected


@pytest.mark.slow
def test_runs_that_differ_by_the_margin_are_seldom_called_equal() -> None:
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(400):
        draws = rng.random(1500)
        b = dict(enumerate((draws < 0.06).astype(float) - (draws > 0.95)))
        called += equal_within(paired(dict.fromkeys(b, 0.0), b, {u: u for u in b}, resamples=2), 0.01) == "yes"
    assert called / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.slow
def test_the_smallest_detectable_difference_is_detected_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    n, share = 800, 0.1
    error = math.sqrt(share / n)
    gain = smallest_detectable(difference(0, error))
    assert gain == pytest.approx((1.959964 + 0.841621) * error)
    assert smallest_detectable(difference(0, error), tests=5) == pytest.approx((norm.ppf(0.995) + 0.841621) * error)
    found = 0
    for _ in range(300):
        draws = rng.random(n)
        b = dict(enumerate((draws < (share + gain) / 2).astype(float) - (draws > 1 - (share - gain) / 2)))
        found += paired(dict.fromkeys(b, 0.0), b, {uid: uid for uid in b}, resamples=2).p < 0.05
    assert found / 300 == pytest.approx(0.8, abs=0.07)
