"""Intervals of weighted means at the ends: Wilson's where the weights are those of the questions, wide where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.metrics.statistics import effective_n, paired, wilson
from lmms_vg.metrics.statistics.ends import by_part, end_interval
from lmms_vg.metrics.statistics.wilson import WeightedPart, weighted_n


def test_a_single_part_is_worth_what_its_questions_are() -> None:
    events = (np.random.default_rng(0).random(200) < 0.1).astype(float)
    images = np.repeat(np.arange(50), 4).tolist()
    assert weighted_n([WeightedPart(events, images, 7)]) == pytest.approx(effective_n(events, images))


def test_weights_of_the_questions_make_all_questions_worth_the_same() -> None:
    """Sizes 30 and 90 with weights 1 and 3, no event: 1 / sum of w^2 / n is 120; a little less, as parts may hide more."""
    parts = [WeightedPart([0] * size, [(size, place) for place in range(size)], size) for size in (30, 90)]
    assert 100 < weighted_n(parts) <= 120


def test_a_small_part_with_a_large_weight_is_worth_little() -> None:
    """Two questions carry half of the mean: by hand, shares (0+1)/(n+2), so .25 and 1/60."""
    parts = [WeightedPart([0] * size, [(size, place) for place in range(size)], 1) for size in (2, 58)]
    mean = (1 / 4 + 1 / 60) / 2
    variance = (1 / 4 * 3 / 4 / 2 + 1 / 60 * 59 / 60 / 58) / 4
    assert weighted_n(parts) == pytest.approx(mean * (1 - mean) / variance)


def test_parts_that_share_their_images_are_worth_no_more_than_the_images() -> None:
    """Ten images with a question of each of ten categories: an image may fail as a whole."""
    parts = [WeightedPart([0] * 10, range(10), 1) for _ in range(10)]
    assert weighted_n(parts) == pytest.approx(10)


def test_scores_in_the_middle_have_no_interval_of_this_kind() -> None:
    assert end_interval([WeightedPart([0, 1] * 15, range(30), 1)]) is None
    assert end_interval([WeightedPart([1, 1], ["x", "x"], 1)]) is None
    assert end_interval([WeightedPart([1.5] * 20, range(20), 1)]) is None


def test_the_mean_is_the_weighted_one() -> None:
    """One of 20 is wrong in the part that weighs nine times as much: the interval lies around .955."""
    scores = [*([1.0] * 19), 0.0, *([1.0] * 40)]
    parts = by_part(scores, range(60), ["a"] * 20 + ["b"] * 40, {"a": 9, "b": 1})
    ends = end_interval(parts)
    assert ends is not None
    rarer = [part._replace(events=1 - np.asarray(part.events)) for part in parts]
    assert ends == pytest.approx(wilson(0.9 * 0.95 + 0.1, weighted_n(rarer)))


def test_no_difference_in_a_weighted_group_is_bounded_by_its_effective_n() -> None:
    """Five subjects of 30 questions, weighted as MMMU's: the sum of five separate bounds would be .114."""
    weights = dict(zip("abcde", (326, 325, 162, 430, 509), strict=True))
    scores = {f"{name}{place}": 1.0 for name in weights for place in range(30)}
    result = paired(
        scores, scores, {uid: uid for uid in scores}, parts={uid: uid[0] for uid in scores}, weights=weights
    )
    expected = wilson(
        0, weighted_n([WeightedPart([0] * 30, [name + str(i) for i in range(30)], weights[name]) for name in weights])
    )
    assert (result.low, result.high) == pytest.approx((-expected[1], expected[1]))
    assert wilson(0, 150)[1] <= result.high < 0.04


def test_no_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="no parts"):
        weighted_n([])
