"""Repeated runs: both parts of the variance against an analysis of variance by least squares, and against simulated truths."""

from __future__ import annotations

import doctest
from math import isnan, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lmms_vg.metrics.statistics import repeats as module
from lmms_vg.metrics.statistics.repeats import repeats

Floats = NDArray[np.float64]


def _scores(rng: np.random.Generator, runs: int, images: int, each: int, run: float, image: float) -> Floats:
    """Crossed effects of runs and images, and noise of standard deviation 1 per answer."""
    cells = rng.normal(0, run, (runs, 1, 1)) + rng.normal(0, image, (1, images, 1))
    return (cells + rng.normal(size=(runs, images, each))).reshape(runs, -1)


def _residual(design: Floats, values: Floats) -> float:
    return float(((values - design @ np.linalg.lstsq(design, values, rcond=None)[0]) ** 2).sum())


def test_parts_against_an_analysis_of_variance() -> None:
    """Mean squares from three nested linear models of the images' means."""
    runs, images, each = 4, 7, 3
    scores = _scores(np.random.default_rng(0), runs, images, each, 0.5, 0.8)
    cells = scores.reshape(runs, images, each).mean(2).ravel()
    of_run, of_image = (
        np.equal.outer(place, np.arange(count)).astype(float)
        for place, count in ((np.repeat(np.arange(runs), images), runs), (np.tile(np.arange(images), runs), images))
    )
    both = _residual(np.hstack([of_run, of_image]), cells)
    mean_square_both = both / ((runs - 1) * (images - 1))
    mean_square_run = (_residual(of_image, cells) - both) / (runs - 1)
    mean_square_image = (_residual(of_run, cells) - both) / (images - 1)
    number = runs * images
    expected = (mean_square_run + mean_square_image - mean_square_both) / number

    result = repeats(scores, [place // each for place in range(images * each)])
    assert result.of_runs**2 == pytest.approx(mean_square_run / number)
    assert result.of_images**2 == pytest.approx(mean_square_image / number)
    assert result.error**2 == pytest.approx(expected)
    assert result.mean == pytest.approx(scores.mean())
    assert result.spread == pytest.approx(np.std(scores.mean(1), ddof=1))
    parts = (mean_square_run**2 / (runs - 1), mean_square_image**2 / (images - 1))
    squares = sum(parts) + mean_square_both**2 / ((runs - 1) * (images - 1))
    degrees = (expected * number) ** 2 / squares
    assert (result.high - result.low) / 2 == pytest.approx(stats.t.ppf(0.975, degrees) * sqrt(expected), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("run", "image"), [(0.3, 0.0), (0.0, 1.0), (0.3, 1.0)])
def test_the_error_is_that_of_other_runs_on_other_images(run: float, image: float) -> None:
    """The standard deviation of 1,000 means, each of 6 runs and 30 images that are new."""
    rng = np.random.default_rng(1)
    clusters = [place // 2 for place in range(60)]
    results = [repeats(_scores(rng, 6, 30, 2, run, image), clusters) for _ in range(1000)]
    truth = np.std([result.mean for result in results])
    assert sqrt(np.mean([result.error**2 for result in results])) == pytest.approx(truth, rel=0.08)


def test_images_of_unequal_size_weigh_by_their_questions() -> None:
    """Runs that are equal have no spread; what is left is the clustered standard error of a mean."""
    scores = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    images = ["a", "a", "a", "b", "c", "c"]
    result = repeats([scores, scores], images)
    mean = 0.5
    sums = {"a": 2 - 3 * mean, "b": 1 - mean, "c": 0 - 2 * mean}
    assert (result.spread, result.of_runs) == (0, 0)
    assert result.error == pytest.approx(sqrt(3 / 2 * sum(value**2 for value in sums.values())) / 6)


def test_a_single_image_has_no_spread_between_images() -> None:
    result = repeats([[1.0, 0.0], [1.0, 1.0]], ["a", "a"])
    assert result.spread == pytest.approx(sqrt(0.125))
    assert isnan(result.error)


def test_one_run_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        repeats([[1.0]], ["a"])


def test_docstring_examples() -> None:
    assert doctest.testmod(module).failed == 0
