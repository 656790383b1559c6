"""Against `scipy.stats`, which the package does not import; commands that print intervals import nothing of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmms_vg.metrics.statistics import distributions
from lmms_vg.metrics.statistics.bootstrap import bootstrap

SHARES = np.array([1e-300, 1e-9, 0.025, 0.5, 0.8, 0.975, 1 - 1e-9])
VALUES = np.array([-40.0, -3.0, 0.0, 0.5, 1.96, 8.0, 40.0])


def test_normal() -> None:
    np.testing.assert_allclose(distributions.normal_quantile(SHARES), stats.norm.ppf(SHARES), rtol=1e-14, atol=1e-16)
    tails = [distributions.normal_tail(value) for value in VALUES]
    np.testing.assert_allclose(tails, stats.norm.sf(VALUES), rtol=1e-13)
    np.testing.assert_array_equal(distributions.normal_quantile([[0, 1], [-1, 2]]), stats.norm.ppf([[0, 1], [-1, 2]]))
    assert distributions.normal_quantile(0.975) == distributions.normal_quantile(np.array([0.975]))[0]


@pytest.mark.parametrize("degrees", [1.0, 2.5, 9.0, 299.0, 1e6])
def test_student(degrees: float) -> None:
    np.testing.assert_allclose(distributions.t_tail(VALUES, degrees), stats.t.sf(VALUES, degrees), rtol=1e-12)
    deviates = stats.norm.isf(stats.t.sf(VALUES, degrees))
    np.testing.assert_allclose(distributions.normal_of_t(VALUES, degrees), deviates, rtol=1e-9, atol=1e-15)
    for share in (0.025, 0.5, 0.95, 0.999):
        assert distributions.t_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-12)


def test_student_without_degrees_is_nan_as_scipys() -> None:
    assert np.isnan([distributions.t_quantile(0.95, 0), stats.t.ppf(0.95, 0)]).all()


@pytest.mark.parametrize("tosses", [0, 1, 2, 3, 10, 11, 300, 1500, 28_001])
def test_heads(tosses: int) -> None:
    expected = stats.binom.pmf(np.arange(tosses + 1), tosses, 0.5)
    np.testing.assert_allclose(distributions.heads_of(tosses), expected, rtol=1e-10, atol=1e-300)
    assert distributions.heads_of(tosses).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("tosses", [1, 2, 7, 40, 1001])
def test_sign_test(tosses: int) -> None:
    for heads in {0, 1, tosses // 3, tosses // 2, tosses}:
        expected = stats.binomtest(heads, tosses).pvalue
        assert distributions.sign_test(heads, tosses) == pytest.approx(expected, rel=1e-12)


def test_average_ranks() -> None:
    values = np.random.default_rng(3).integers(0, 9, (5, 4, 60)) / 7
    values[0, 0] = 1
    np.testing.assert_array_equal(distributions.average_ranks(values), stats.rankdata(values, axis=-1))
    np.testing.assert_array_equal(distributions.average_ranks(values[0, 1]), stats.rankdata(values[0, 1]))


@pytest.mark.slow
@pytest.mark.parametrize(("images", "resamples"), [(2, 50), (7, 333), (40_000, 120)])
def test_the_same_seed_draws_what_scipys_bootstrap_draws(images: int, resamples: int) -> None:
    """40,000 images need three batches."""
    rng = np.random.default_rng(1)
    index = np.concatenate([np.arange(images), rng.integers(0, images, 2 * images)])
    clusters, scores = [f"{number:05}" for number in index], rng.random(len(index))  # images are sorted by name

    def ratio(sums: np.ndarray, counts: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(sums.sum(axis=axis) / counts.sum(axis=axis))

    expected = stats.bootstrap(
        (np.bincount(index, weights=scores), np.bincount(index).astype(float)),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, 2**21 // images),
        method="percentile",
        random_state=np.random.default_rng(5),
    )
    made = bootstrap(list(scores), clusters, resamples, 5)
    np.testing.assert_array_equal(made, expected.bootstrap_distribution)
