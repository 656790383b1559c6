"""The mean over categories, and its interval, against a loop."""

import math
from statistics import fmean

import numpy as np
import pytest

from lmms_vg.metrics.category_means import macro


def test_by_hand_and_by_a_loop() -> None:
    """Category b has a tenth of the questions and half of the weight."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.random(270) < 0.8, rng.random(30) < 0.3]).astype(float)
    categories, images = ["a"] * 270 + ["b"] * 30, np.repeat(np.arange(100), 3)
    result = macro(scores.tolist(), categories, images.tolist(), resamples=4000)
    assert result.mean == pytest.approx((scores[:270].mean() + scores[270:].mean()) / 2)
    draws = []
    for _ in range(4000):
        drawn = rng.integers(0, 100, 100)
        parts = [[scores[3 * i : 3 * i + 3] for i in drawn if (i >= 90) == last] for last in (False, True)]
        draws.append(fmean(np.concatenate(part).mean() for part in parts if part))
    assert (result.interval.low, result.interval.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.015)


def test_a_single_image_has_no_interval() -> None:
    result = macro([1, 0], ["a", "b"], ["x", "x"])
    assert result.mean == 0.5
    assert math.isnan(result.interval.low)


def test_a_category_that_is_not_drawn_is_left_out() -> None:
    result = macro([1, 1, 1], ["a", "b", "c"], ["x", "y", "z"])
    assert result.interval == (1, 1)
