"""Intervals, compared with a normal approximation, with scipy, and on simulated runs of known truth."""

from __future__ import annotations

import doctest
import math
import tracemalloc
from importlib import import_module
from statistics import NormalDist

import numpy as np
import pytest
from clustered import clustered
from scipy import stats

from lmms_vg.metrics.statistics import cluster_interval, effective_n, paired, signature, wilson


@pytest.mark.slow
def test_interval_covers_the_truth_and_single_questions_for_clusters_do_not() -> None:
    rng = np.random.default_rng(0)
    runs, covered, naively = 200, 0, 0
    for seed in range(runs):
        scores, images = clustered(rng, images=60, each=8)
        low, high = cluster_interval(scores, images, resamples=400, seed=seed)
        covered += low <= 0.5 <= high
        low, high = cluster_interval(scores, range(len(scores)), resamples=400, seed=seed)
        naively += low <= 0.5 <= high
    assert 0.90 <= covered / runs <= 0.99
    assert naively / runs < 0.75


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_interval_is_near_the_normal_approximation(level: float) -> None:
    """Sandwich standard error of a ratio of sums over clusters, from residual sums of clusters of unequal size."""
    rng = np.random.default_rng(1)
    images = np.repeat(np.arange(300), rng.integers(1, 12, 300))
    scores = (rng.random(len(images)) < rng.beta(0.5, 0.5, 300)[images]).astype(float)
    residuals = np.bincount(images, weights=scores - scores.mean())
    error = math.sqrt((residuals**2).sum() * 300 / 299) / len(scores)
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    low, high = cluster_interval(scores.tolist(), images.tolist(), level=level, resamples=4000)
    assert (low, high) == pytest.approx((scores.mean() - half, scores.mean() + half), abs=0.12 * half)


@pytest.mark.parametrize("most", [1, 6])
def test_interval_is_that_of_scipy_which_draws_images_with_all_their_questions(most: int) -> None:
    """Of values that nothing bounds, such as an excess; scipy draws pairs of an image's sum and its number of questions."""
    rng = np.random.default_rng(2)
    images = np.repeat(np.arange(80), rng.integers(1, most + 1, 80))
    excess = rng.normal(0.1, 1, len(images)) + rng.normal(0, 1, 80)[images]
    pairs = np.bincount(images, weights=excess), np.bincount(images)
    theirs = stats.bootstrap(
        pairs,
        lambda sums, counts, axis: sums.sum(axis) / counts.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=20_000,
        random_state=np.random.default_rng(3),
    ).confidence_interval
    half = (theirs.high - theirs.low) / 2
    ours = cluster_interval(excess.tolist(), images.tolist(), resamples=20_000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.04 * half)
    before = dict(enumerate(rng.normal(0, 1, len(images)).tolist()))
    after = {number: value + excess[number] for number, value in before.items()}
    both = paired(before, after, dict(enumerate(images.tolist())), resamples=20_000)
    assert (both.low, both.high) == pytest.approx((theirs.low, theirs.high), abs=0.04 * half)


def test_order_of_questions_does_not_matter_but_the_seed_does() -> None:
    scores, images = clustered(np.random.default_rng(2), 40, 5)
    interval = cluster_interval(scores, images, seed=3)
    assert cluster_interval(scores, images, seed=3) == interval
    assert cluster_interval(scores, [f"image {number}" for number in images], seed=3) == interval
    order = np.random.default_rng(5).permutation(len(scores))
    assert cluster_interval([scores[i] for i in order], [images[i] for i in order], seed=3) == interval
    assert cluster_interval(scores, images, seed=5) != interval


@pytest.mark.slow
def test_memory_does_not_grow_with_the_resamples() -> None:
    scores, images = [0.0, 1.0] * 15_000, range(30_000)
    tracemalloc.start()
    cluster_interval(scores, images, resamples=400)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 120e6  # 400 resamples at once would take 288 MB


@pytest.mark.parametrize(
    ("scores", "clusters", "options", "message"),
    [
        ([], [], {}, "at least one"),
        ([1, 0], ["x"], {}, r"\(2,\) and 1 "),
        ([1, 0, math.nan], ["x", "y", "y"], {}, "finite.*number 2 "),
        ([1, 0], ["x", "y"], {"level": 95}, "level 95.*between 0 and 1"),
        ([1, 0], ["x", "y"], {"resamples": 0}, "resamples 0.*at least 1"),
    ],
)
def test_unusable_scores_are_refused(scores, clusters, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_interval(scores, clusters, **options)


def test_where_few_images_are_unlike_the_others_the_interval_is_wilsons() -> None:
    """Of 30 answers about 30 images 29 are right: 1.96 standard errors of a bootstrap would end above 1."""
    assert cluster_interval([1] * 29 + [0], range(30)) == wilson(29 / 30, 30)
    assert cluster_interval([1] * 30, range(30)) == wilson(1, 30)
    assert cluster_interval([0] * 30, range(30)) == wilson(0, 30)
    shared = [number // 3 for number in range(30)]
    assert cluster_interval([1] * 29 + [0], shared) == wilson(29 / 30, effective_n([0] * 29 + [1], shared))
    assert cluster_interval([0.1] * 9, list("aabbccddd"))[0] < 0.1 < cluster_interval([0.1] * 9, list("aabbccddd"))[1]
    nine, ten = [1] * 81 + [0] * 9, [1] * 80 + [0] * 10
    assert cluster_interval(nine, range(90)) == wilson(0.9, 90)
    assert cluster_interval(ten, range(90)) != wilson(80 / 90, 90)


def test_scores_that_are_no_shares_keep_the_bootstrap() -> None:
    assert cluster_interval([0, 0, 0, 4], ["x", "x", "x", "y"]) == (0, 4)


def test_a_single_image_has_no_interval() -> None:
    assert all(math.isnan(end) for end in cluster_interval([0, 1, 1], ["x", "x", "x"]))
    assert all(math.isnan(end) for end in cluster_interval([1], ["x"]))


def test_signature() -> None:
    settings = "interval:percentile+wilson|p:sign-flips|level:{}|resamples:{}|seed:{}|v:3"
    assert signature() == f"bootstrap|unit:image|{settings.format(0.95, 2000, 0)}"
    changed = signature(unit="source", level=0.9, resamples=100, seed=3)
    assert changed == f"bootstrap|unit:source|{settings.format(0.9, 100, 3)}"


@pytest.mark.parametrize("module", ["holm", "mcnemar", "sign_flips", "wilson"])
def test_docstring_examples(module: str) -> None:
    result = doctest.testmod(import_module(f"lmms_vg.metrics.statistics.{module}"))
    assert (result.failed, result.attempted > 0) == (0, True)
