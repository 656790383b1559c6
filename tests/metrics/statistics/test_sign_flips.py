"""Sign flips against every choice of signs, scipy's permutation test, the sign test, and runs of known truth."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

from lmms_vg.metrics.statistics import sign_flips


def by_enumeration(sums: list[float]) -> float:
    far = abs(sum(sums)) - 1e-9
    choices = list(product((-1, 1), repeat=len(sums)))
    return sum(
        abs(sum(sign * value for sign, value in zip(signs, sums, strict=True))) >= far for signs in choices
    ) / len(choices)


@settings(max_examples=60)
@given(st.lists(st.sampled_from([-2.5, -1.0, -0.1, 0.1, 0.3, 1.0, 2.0]), min_size=1, max_size=9))
def test_every_choice_of_signs(sums: list[float]) -> None:
    result = sign_flips(sums)
    assert result.p == pytest.approx(by_enumeration(sums))
    assert result.least == 2.0 ** (1 - len(sums))
    assert result.p >= result.least - 1e-12


@pytest.mark.parametrize("factor", [1, 1 / 3, 0.25])
def test_whole_numbers_and_means_of_few_seeds_are_counted_out(factor: float) -> None:
    """15 images: above the number that is tried, so the convolution answers; 32,768 choices are still enumerable."""
    sums = [factor * value for value in (3, 1, -1, 2, 2, 1, 1, -2, 1, 4, 1, 1, -1, 1, 2)]
    assert sign_flips(sums).p == pytest.approx(by_enumeration(sums), rel=1e-9)


def test_one_question_per_image_is_the_sign_test() -> None:
    sums = [1.0] * 40 + [-1.0] * 22 + [0.0] * 500
    result = sign_flips(sums)
    assert result.p == pytest.approx(binomtest(40, 62).pvalue)
    assert result.images == 62


@pytest.mark.slow
def test_drawn_signs_against_scipy() -> None:
    sums = np.random.default_rng(1).normal(0.25, 1, 40)
    assert sums.sum() > 0
    scipys = permutation_test(
        (sums,),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=40_000,
        random_state=np.random.default_rng(2),
    )
    assert sign_flips(sums).p == pytest.approx(scipys.pvalue, abs=0.01)
    assert sign_flips(sums) == sign_flips(sums)
    assert sign_flips(sums, seed=1) != sign_flips(sums)


def test_two_images_cannot_be_significant_and_no_image_says_nothing() -> None:
    assert sign_flips([1, 1]) == (0.5, 0.5, 2)
    assert sign_flips([7.0]) == (1, 1, 1)
    assert sign_flips([0.0, 0.0]) == sign_flips([]) == (1, 1, 0)


def test_a_perfect_difference_stays_significant_in_600_lines() -> None:
    """10,000 draws could not show less than .06 after the correction."""
    whole, fractions = [1.0] * 60, np.random.default_rng(0).uniform(0.5, 1, 60)
    for sums in (whole, fractions):
        result = sign_flips(sums, family=600)
        assert 600 * result.p < 0.001
        assert 600 * result.least < 0.001


def test_more_draws_where_a_family_needs_them() -> None:
    """Found by 10,000 draws only as below 1 in 10,001; the exact p is near 1 in 20,000."""
    rng = np.random.default_rng(4)
    sums = rng.normal(0, 1, 60)
    sums += (4.05 * np.sqrt((sums**2).sum()) - sums.sum()) / 60 * 0.95
    few, many = sign_flips(sums), sign_flips(sums, family=600)
    assert few.least == 1 / 10_001
    assert many.least == 1 / 1_200_001
    assert many.p < 0.002


def test_a_sum_that_is_given_is_judged_in_place_of_theirs() -> None:
    assert sign_flips([1, -1, 1, -1], observed=4).p == 2 / 16
    assert sign_flips([1, -1, 1, -1], observed=-2).p == 10 / 16


@pytest.mark.parametrize("images", [2, 5, 10])
def test_level_is_held_on_few_images(images: int) -> None:
    """Two equally good runs, ten questions per image, each image with a lean to one run."""
    rng = np.random.default_rng(images)
    repetitions, alarms = 1000, 0
    for _ in range(repetitions):
        chance = np.clip(0.5 + rng.normal(0, 0.3, (2, images, 1)), 0, 1)
        a, b = rng.random((2, images, 10)) < chance
        alarms += sign_flips((b.sum(1) - a.sum(1)).astype(float)).p < 0.05
    assert alarms / repetitions <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / repetitions)
