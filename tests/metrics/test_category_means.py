"""The mean over categories, and its interval, against a loop."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest

from lmms_vg.metrics.category_means import macro
from lmms_vg.metrics.statistics import wilson


@pytest.mark.slow
def test_by_hand_and_by_a_loop() -> None:
    """Category b has a tenth of the questions and half of the weight."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.random(270) < 0.8, rng.random(30) < 0.3]).astype(float)
    categories, images = ["a"] * 270 + ["b"] * 30, np.repeat(np.arange(100), 3)
    result = macro(scores.tolist(), categories, images.tolist(), resamples=4000)
    assert result.mean == pytest.approx((scores[:270].mean() + scores[270:].mean()) / 2)
    draws = []
    for _ in range(1500):
        drawn = rng.integers(0, 100, 100)
        parts = [[scores[3 * i : 3 * i + 3] for i in drawn if (i >= 90) == last] for last in (False, True)]
        draws.append(fmean(np.concatenate(part).mean() for part in parts if part))
    assert (result.interval.low, result.interval.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.015)


def test_a_single_image_has_no_interval() -> None:
    result = macro([1, 0], ["a", "b"], ["x", "x"])
    assert result.mean == 0.5
    assert math.isnan(result.interval.low)


def test_a_category_that_is_not_drawn_is_left_out() -> None:
    """Category b is one image, which a third of the resamples leave out: their mean is that of a."""
    scores, categories = [*([0.0, 1.0] * 12), 1.0], [*("a" * 24), "b"]
    result = macro(scores, categories, range(25), resamples=4000)
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(1500):
        drawn = rng.integers(0, 25, 25)
        parts = [[scores[i] for i in drawn if categories[i] == name] for name in "ab"]
        draws.append(fmean(fmean(part) for part in parts if part))
    assert (result.interval.low, result.interval.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.02)


def test_categories_without_a_wrong_answer_have_wilsons_interval() -> None:
    """Of two equally large categories on images of their own it is that of all questions; a small one widens it."""
    assert macro([1] * 60, ["a"] * 30 + ["b"] * 30, range(60)).interval == pytest.approx(wilson(1, 60))
    assert macro([0] * 60, ["a"] * 30 + ["b"] * 30, range(60)).interval == pytest.approx(wilson(0, 60))
    low, high = macro([1] * 60, ["a"] * 58 + ["b"] * 2, range(60)).interval
    assert high == 1
    assert low < 1 - 0.5 * (1 - wilson(1, 2)[0]) + 0.05
