"""The interval of votes against draws written out, and against what is known of simple cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmms_vg.metrics.statistics import cluster_interval, two_way_interval


def crossed(table: np.ndarray) -> tuple[list[float], list[int], list[int]]:
    """Scores, cases and raters of a (cases, raters) table; NaN where there is no vote."""
    seen = [(float(table[c, r]), c, r) for c, r in np.ndindex(*table.shape) if np.isfinite(table[c, r])]
    scores, cases, raters = zip(*seen, strict=True)
    return [*scores], [*cases], [*raters]


@pytest.mark.slow
def test_it_is_the_bootstrap_that_draws_cases_and_raters_one_by_one() -> None:
    rng = np.random.default_rng(1)
    table = (rng.random((12, 5)) < 0.6).astype(float)
    table[3, 2] = table[7, 0] = np.nan
    low, high = two_way_interval(*crossed(table), resamples=20_000)
    means = []
    for _ in range(20_000):
        drawn = table[np.ix_(rng.integers(0, 12, 12), rng.integers(0, 5, 5))]
        means.append(np.nanmean(drawn))
    assert [low, high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.012)


def test_one_rater_leaves_the_bootstrap_of_cases() -> None:
    scores = [0.0, 1.0] * 20
    one = two_way_interval(scores, range(40), [0] * 40, resamples=20_000)
    assert [*one] == pytest.approx([*cluster_interval(scores, range(40), resamples=20_000)], abs=0.026)


def test_votes_that_agree_within_cases_count_as_many_as_the_cases() -> None:
    table = np.repeat(np.array([1.0] * 15 + [0.0] * 5)[:, None], 5, axis=1)
    low, high = two_way_interval(*crossed(table), resamples=20_000)
    drawn = np.quantile(np.random.default_rng(0).binomial(20, 0.75, 100_000) / 20, [0.025, 0.975])
    assert [low, high] == pytest.approx(drawn, abs=0.051)


def test_it_is_wider_than_of_independent_votes_but_at_most_by_the_root_of_three() -> None:
    table = (np.random.default_rng(5).random((200, 100)) < 0.5).astype(float)
    low, high = two_way_interval(*crossed(table))
    alone = 2 * stats.norm.ppf(0.975) * np.sqrt(0.25 / table.size)
    assert 1.4 * alone < high - low < 1.95 * alone


def test_equal_votes_have_wilsons_interval_of_the_fewer() -> None:
    low, high = two_way_interval(*crossed(np.ones((20, 5))))
    z2 = stats.norm.ppf(0.975) ** 2
    assert (low, high) == (pytest.approx(5 / (5 + z2)), 1.0)


def test_draws_without_a_vote_are_left_out_and_a_seed_repeats() -> None:
    scores, cases, raters = [1.0, 0.0, 1.0], [0, 1, 2], ["a", "b", "c"]  # a rater per case: most draws have few votes
    first = two_way_interval(scores, cases, raters)
    assert np.isfinite(first).all()
    assert first == two_way_interval(scores, cases, raters)


def test_a_single_vote_has_no_interval_and_lengths_must_fit() -> None:
    assert np.isnan(two_way_interval([1.0], ["case"], ["rater"])).all()
    with pytest.raises(ValueError, match="one cluster per score"):
        two_way_interval([1.0, 0.0], ["a", "b"], ["c"])
    with pytest.raises(ValueError, match="level 2"):
        two_way_interval([1.0, 0.0], ["a", "b"], ["c", "c"], level=2)
