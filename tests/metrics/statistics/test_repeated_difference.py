"""Differences of repeated runs: against an analysis of variance by hand, and where the true difference is known."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lmms_vg.metrics.statistics import paired, wilson
from lmms_vg.metrics.statistics.repeated_difference import repeated_difference
from lmms_vg.metrics.statistics.repeats import repeats

Floats = NDArray[np.float64]


def drawn(rng: np.random.Generator, p: Floats, runs: int, spread: float) -> Floats:
    """Answers, (runs, questions), right with probability p; each run is as a whole a little better or worse."""
    return (rng.random((runs, len(p))) < p + rng.normal(0, spread, (runs, 1))).astype(float)


def test_runs_of_the_same_seeds_are_repeats_of_their_differences() -> None:
    rng = np.random.default_rng(0)
    a, b = (drawn(rng, np.full(90, 0.5), 4, 0.1) for _ in range(2))
    images = [place // 3 for place in range(90)]
    result, alone = repeated_difference(a, b, images, by_seed=True), repeats(b - a, images)
    assert (result.difference.mean, result.of_runs, result.of_images) == pytest.approx(
        (alone.mean, alone.of_runs, alone.of_images)
    )
    assert result.difference.error == pytest.approx(alone.error)
    assert (result.difference.low, result.difference.high) == pytest.approx((alone.low, alone.high))


def test_independent_seeds_by_mean_squares() -> None:
    """A question per image: every part as numpy's variances of rows, columns and residuals."""
    rng = np.random.default_rng(1)
    a, b = drawn(rng, np.full(50, 0.4), 3, 0.1), drawn(rng, np.full(50, 0.6), 5, 0.1)
    result = repeated_difference(a, b, range(50))
    of_runs = sum(run.mean(1).var(ddof=1) / len(run) for run in (a, b))
    of_images = (b.mean(0) - a.mean(0)).var(ddof=1) / 50
    shared = 0.0
    for run in (a, b):
        residual = run - run.mean(0) - run.mean(1, keepdims=True) + run.mean()
        shared += (residual**2).sum() / (len(run) - 1) / 49 / len(run) / 50
    assert (result.of_runs**2, result.of_images**2) == pytest.approx((of_runs, of_images))
    error = sqrt(max(of_runs + of_images - shared, of_runs, of_images))
    assert result.difference.error == pytest.approx(error)
    p = 2 * stats.norm.sf(abs(result.difference.mean) / error)
    assert result.difference.p >= p, "few seeds make p larger than a normal one"
    assert result.runs == (3, 5)


def test_parts_weigh_as_given() -> None:
    """Part x (weight 3) gains .5 in every run; part y loses .25: no run differs from another, so images alone remain."""
    a = np.zeros((2, 60))
    b = np.tile([*([1.0, 0.0] * 10), *([-1.0, 0.0, 0.0, 0.0] * 10)], (2, 1))
    parts = ["x"] * 20 + ["y"] * 40
    result = repeated_difference(a, b, range(60), parts=parts, weights={"x": 3, "y": 1})
    assert result.difference.mean == pytest.approx(0.75 * 0.5 - 0.25 * 0.25)
    variances = [share * (1 - share) / (size - 1) for share, size in ((0.5, 20), (0.25, 40))]
    assert result.of_images == pytest.approx(sqrt(0.75**2 * variances[0] + 0.25**2 * variances[1]))
    assert result.of_runs == 0


def test_equal_runs_are_not_shown_to_be_equal_exactly() -> None:
    """No answer differs: the interval is Wilson's, as of two single runs."""
    same = np.ones((3, 200))
    difference = repeated_difference(same, same, range(200)).difference
    assert (difference.low, difference.high) == (-wilson(0, 200)[1], wilson(0, 200)[1])
    assert difference.p == 1


def test_few_images_have_no_interval_and_the_p_of_sign_flips() -> None:
    """Two images, better under every seed: a t test would give p 0."""
    a, b = np.zeros((3, 50)), np.zeros((3, 50))
    b[:, :2] = 1
    difference = repeated_difference(a, b, range(50)).difference
    assert not difference.has_interval
    assert difference.p == paired(dict(enumerate(a[0])), dict(enumerate(b[0])), dict(enumerate(range(50)))).p == 0.5


def test_a_single_image_and_single_runs() -> None:
    difference = repeated_difference([[0.0], [1.0]], [[1.0]], ["x"]).difference
    assert isnan(difference.low)
    with pytest.raises(ValueError, match="1 and 1 runs: allowed are at least two of one of them"):
        repeated_difference([[0.0]], [[1.0]], ["x"])
    with pytest.raises(ValueError, match="2 and 3 runs: allowed are as many of one"):
        repeated_difference(np.zeros((2, 4)), np.zeros((3, 4)), range(4), by_seed=True)
