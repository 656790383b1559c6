"""Intervals and tests, compared with scipy, binomial coefficients, brute force, and simulated runs of known truth."""

import doctest
import math
import re
import tracemalloc
import warnings
from itertools import combinations
from statistics import NormalDist, fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lmms_vg.metrics import statistics
from lmms_vg.metrics.statistics import (
    Interval,
    McNemar,
    cluster_interval,
    holm,
    mcnemar,
    paired,
    percentile_interval,
    resample,
    signature,
)

P = st.floats(0, 1)


def clustered(rng: np.random.Generator, images: int, each: int) -> tuple[list[float], list[int]]:
    """Scores 0 and 1 with mean 0.5; images are easy or hard, so questions about one image are correlated."""
    ease = rng.beta(0.5, 0.5, images)
    scores = rng.random((images, each)) < ease[:, None]
    return scores.ravel().astype(float).tolist(), np.repeat(np.arange(images), each).tolist()


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


def test_interval_of_two_clusters_by_hand() -> None:
    """Four resamples are equally likely: images (x, x), (x, y), (y, x), (y, y) with means 0, 1/4, 1/4, 1."""
    low, high = cluster_interval([0, 0, 0, 1], ["x", "x", "x", "y"])
    assert (low, high) == (0, 1)
    assert cluster_interval([0, 0, 0, 1], ["x", "x", "x", "y"], level=0.3) == (0.25, 0.25)


def test_order_of_questions_does_not_matter_but_the_seed_does() -> None:
    scores, images = clustered(np.random.default_rng(2), 40, 5)
    interval = cluster_interval(scores, images, seed=3)
    assert cluster_interval(scores, images, seed=3) == interval
    assert cluster_interval(scores, [f"image {number}" for number in images], seed=3) == interval
    order = np.random.default_rng(5).permutation(len(scores))
    assert cluster_interval([scores[i] for i in order], [images[i] for i in order], seed=3) == interval
    assert cluster_interval(scores, images, seed=5) != interval


def test_the_seed_of_a_pair_is_used() -> None:
    scores, images = clustered(np.random.default_rng(2), 40, 5)
    before = dict(enumerate(scores))
    after = {number: 1 - score if number % 7 == 0 else score for number, score in before.items()}
    ends = {paired(before, after, dict(enumerate(images)), seed=seed)[1:3] for seed in (1, 1, 2)}
    assert len(ends) == 2


def test_degenerate_data_give_degenerate_intervals_and_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(math.isnan(end) for end in cluster_interval([0, 1, 1], ["x", "x", "x"]))
        assert cluster_interval([1, 1, 1], ["x", "y", "y"]) == Interval(1, 1)
        assert cluster_interval([0.1] * 9, list("aabbccddd")) == pytest.approx((0.1, 0.1))
        lonely = paired({"q": 0, "r": 0}, {"q": 1, "r": 1}, {"q": "x", "r": "x"})
        assert lonely.mean == 1
        assert math.isnan(lonely.low)
        assert lonely.p == 1
        certain = paired({"q": 0, "r": 0}, {"q": 1, "r": 1}, {"q": "x", "r": "y"}, resamples=99)
        assert certain == (1, 1, 1, 0.01)  # (1 + 0) / (1 + 99): never 0


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


def runs(
    images: int = 50, each: int = 4, gain: float = 0.0
) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    rng = np.random.default_rng(5)
    scores, where = clustered(rng, images, each)
    a = {f"q{number}": score for number, score in enumerate(scores)}
    b = {uid: 1.0 if rng.random() < gain else score for uid, score in a.items()}
    return a, b, dict(zip(a, where, strict=True))


def test_paired_run_against_itself_is_no_difference() -> None:
    a, _, images = runs()
    assert paired(a, dict(a), images) == (0, 0, 0, 1)


def test_paired_is_the_interval_of_the_differences() -> None:
    a, b, images = runs(gain=0.2)
    result = paired(a, dict(reversed(b.items())), images, seed=7, resamples=500, level=0.9)
    differences = [b[uid] - a[uid] for uid in a]
    assert result.mean == pytest.approx(fmean(b.values()) - fmean(a.values()))
    assert result[1:3] == cluster_interval(differences, list(images.values()), seed=7, resamples=500, level=0.9)
    back = paired(b, a, images, seed=7, resamples=500, level=0.9)
    assert (back.mean, back.low, back.high) == pytest.approx((-result.mean, -result.high, -result.low))
    assert back.p == result.p


def test_paired_p_value_by_enumeration() -> None:
    """Three images of one question with differences 1, 0, 0: in the 27 resamples d* = k/3, with k successes of 1/3 each.

    d = 1/3, so |d* - d| >= d holds for k = 0, 2, 3: 1 - 12/27.
    """
    result = paired(
        dict.fromkeys("qrs", 0.0), {"q": 1.0, "r": 0.0, "s": 0.0}, {"q": 1, "r": 2, "s": 3}, resamples=20_000
    )
    assert result.p == pytest.approx(15 / 27, abs=0.012)


def test_paired_p_value_counts_ties_that_rounding_hides() -> None:
    """Differences are .1 three times and 0 three times: d = .05, and only d* = 0 and .1 reach it, 2 of 2**6 resamples.

    In floating point 6 * .1 / 6 - .05 is less than .05.
    """
    b = dict(zip("qrstuv", [0.1] * 3 + [0.0] * 3, strict=True))
    result = paired(dict.fromkeys(b, 0.0), b, {uid: uid for uid in b}, resamples=20_000)
    assert result.p == pytest.approx(2 / 64, abs=0.005)


def test_paired_p_value_holds_its_level_and_sees_a_gain() -> None:
    """For two equally good runs p is below .05 in about one of 20; with questions as clusters far more often."""
    rng = np.random.default_rng(11)
    alarms = naive = 0
    for seed in range(150):
        lean = rng.normal(size=40)  # each image favours one run on all its questions
        draws = rng.normal(size=(40, 5)) + 2 * lean[:, None]
        b = {f"q{number}": float(value) for number, value in enumerate(draws.ravel())}
        a = dict.fromkeys(b, 0.0)
        images = {uid: number // 5 for number, uid in enumerate(b)}
        alarms += paired(a, b, images, resamples=200, seed=seed).p < 0.05
        naive += paired(a, b, {uid: uid for uid in b}, resamples=200, seed=seed).p < 0.05
    assert alarms <= 18
    assert naive >= 30
    assert paired(*runs(gain=0.3)).p < 0.01


def test_runs_of_other_questions_are_refused_and_named() -> None:
    a, b = {"q1": 1, "q2": 0, "q3": 1, "q4": 1, "q5": 0}, {"q1": 1, "q9": 0}
    expected = re.escape("4 only in a (q2, q3, q4, ...), 1 only in b (q9)")
    with pytest.raises(ValueError, match=expected):
        paired(a, b, dict.fromkeys("q", 1))
    with pytest.raises(ValueError, match=expected):
        mcnemar(a, b)
    with pytest.raises(ValueError, match=r"1 only in b \(q9\)$"):
        mcnemar({"q1": 1}, b)
    with pytest.raises(ValueError, match=r"2 of 3 questions .*: q1, q3"):
        paired({"q1": 1, "q2": 0, "q3": 1}, {"q1": 1, "q2": 0, "q3": 1}, {"q2": "x"})


def several(count: int, images: int = 30, each: int = 3) -> tuple[list[list[float]], list[str]]:
    rng = np.random.default_rng(9)
    scores = [clustered(rng, images, each)[0] for _ in range(count)]
    return scores, [f"image {number}" for number in clustered(rng, images, each)[1]]


@pytest.mark.parametrize("options", [{}, {"resamples": 10_000}, {"seed": 4, "resamples": 301}])
def test_many_runs_at_once_are_every_pair_to_the_bit(options: dict[str, int]) -> None:
    runs, images = several(5)
    drawn = resample(runs, images, **options)
    named = [dict(enumerate(scores)) for scores in runs]
    for a, b in combinations(range(5), 2):
        alone = paired(named[a], named[b], dict(enumerate(images)), **options)
        assert drawn.difference(a, b) == alone
        assert drawn.difference(b, a) == paired(named[b], named[a], dict(enumerate(images)), **options)
    for scores, resampled in zip(runs, drawn.sums / drawn.counts, strict=True):
        assert tuple(percentile_interval(resampled)) == cluster_interval(scores, images, **options)


def test_many_runs_of_fractions_are_every_pair() -> None:
    images = several(1)[1]
    runs = np.random.default_rng(1).random((3, len(images)))
    drawn = resample(runs, images)
    alone = paired(dict(enumerate(runs[0])), dict(enumerate(runs[2])), dict(enumerate(images)))
    assert drawn.difference(0, 2) == pytest.approx(alone, rel=1e-12)


def test_many_runs_against_a_loop() -> None:
    """Draw images, list all their questions, and average; the 2.5th percentile is between its two neighbours."""
    runs, images = several(3, images=7, each=2)
    del images[-1], runs[0][-1], runs[1][-1], runs[2][-1]  # an image with fewer questions than the others
    drawn, names = resample(runs, images, resamples=201, seed=3), sorted(set(images))
    differences = []
    for number, draw in enumerate(np.random.default_rng(3).integers(0, len(names), (201, len(names)))):
        questions = [q for place in draw for q, image in enumerate(images) if image == names[place]]
        assert drawn.counts[number] == len(questions)
        assert [run[number] for run in drawn.sums] == [sum(scores[q] for q in questions) for scores in runs]
        differences.append(fmean(runs[1][q] for q in questions) - fmean(runs[0][q] for q in questions))
    differences.sort()
    made = drawn.difference(0, 1)
    assert (made.low, made.high) == pytest.approx((differences[5], differences[195]))  # 0.025 and 0.975 of 200 steps
    mean = fmean(runs[1]) - fmean(runs[0])
    assert made.mean == pytest.approx(mean)
    assert made.p == (1 + sum(abs(one - mean) >= abs(mean) - 1e-12 for one in differences)) / 202


@pytest.mark.parametrize("limit", ["_BLOCK", "_BATCH"])
def test_blocks_of_runs_and_batches_of_draws_change_nothing(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, images = several(5)
    whole = resample(runs, images)
    monkeypatch.setattr(statistics, limit, 60)  # two runs, or two draws, of 30 images
    parts = resample(runs, images)
    assert (parts.sums == whole.sums).all()
    assert (parts.counts == whole.counts).all()


def test_memory_of_many_runs_is_bounded() -> None:
    runs, images = np.random.default_rng(0).random((300, 30_000)), range(30_000)
    tracemalloc.start()
    resample(runs, images, resamples=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 250e6  # all draws of all runs would take 7 GB


def test_many_runs_on_one_image_tell_nothing() -> None:
    alone = paired({"q": 0, "r": 0}, {"q": 1, "r": 0}, {"q": "x", "r": "x"})
    made = resample([[0, 0], [1, 0]], ["x", "x"]).difference(0, 1)
    assert (made.mean, made.p) == (alone.mean, alone.p) == (0.5, 1)
    assert math.isnan(made.low)
    assert math.isnan(made.high)


@pytest.mark.parametrize(
    ("runs", "message"),
    [([], "0 runs"), ([[1, 0], [1]], r"\(1,\) and 2 "), ([[1, 0], [1, math.nan]], "number 1 is not")],
)
def test_unusable_runs_are_refused(runs: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resample(runs, ["x", "y"])


def disagreeing(only_a: int, only_b: int, agree: int = 5) -> tuple[dict[str, int], dict[str, int]]:
    pairs = [(1, 0)] * only_a + [(0, 1)] * only_b + [(1, 1), (0, 0)] * agree
    return {str(n): pair[0] for n, pair in enumerate(pairs)}, {str(n): pair[1] for n, pair in enumerate(pairs)}


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (0, 6), (3, 3), (2, 9), (9, 2), (10, 25)])
def test_mcnemar_against_scipy_and_binomial_coefficients(only_a: int, only_b: int) -> None:
    result = mcnemar(*disagreeing(only_a, only_b))
    assert result[:2] == (only_a, only_b)
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    assert result.p == pytest.approx(min(1, 2 * tail), rel=1e-12)
    if n:
        assert result.p == binomtest(only_b, n, 0.5, alternative="two-sided").pvalue


def test_mcnemar_takes_right_and_wrong_only() -> None:
    with pytest.raises(ValueError, match=r"q2: score 0\.5.*0 or 1"):
        mcnemar({"q1": 1, "q2": 1}, {"q1": True, "q2": 0.5})
    assert mcnemar({"q1": 1.0, "q2": False}, {"q1": True, "q2": 1}) == McNemar(0, 1, 1)


def test_holm_by_hand() -> None:
    """Sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04, and the last may not be below the one before it."""
    adjusted = holm({"d": 0.04, "a": 0.01, "c": 0.03, "b": 0.02})
    assert list(adjusted) == ["d", "a", "c", "b"]
    assert adjusted == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.06})
    assert holm({"x": 0.6, "y": 0.7}) == {"x": 1, "y": 1}
    assert holm({"x": 0.03}) == {"x": 0.03}
    assert holm({}) == {}


@given(st.lists(P, min_size=1, max_size=6))
def test_holm_is_the_closure_of_bonferroni(values: list[float]) -> None:
    """A hypothesis is rejected if Bonferroni rejects every intersection that contains it (Marcus et al. 1976)."""
    names = [f"h{number}" for number in range(len(values))]
    p = dict(zip(names, values, strict=True))
    subsets = [group for size in range(1, len(names) + 1) for group in combinations(names, size)]
    for name, adjusted in holm(p).items():
        closed = max(min(1, len(group) * min(p[member] for member in group)) for group in subsets if name in group)
        assert adjusted == pytest.approx(closed)


@pytest.mark.parametrize("bad", [-0.1, 1.5, math.nan])
def test_holm_takes_p_values_only(bad: float) -> None:
    with pytest.raises(ValueError, match=f"PAI: p-value {bad}"):
        holm({"VGRefine": 0.1, "PAI": bad})


def test_signature() -> None:
    tail = "|v:1"
    assert signature() == f"bootstrap|unit:image|interval:percentile|level:0.95|resamples:2000|seed:0{tail}"
    changed = signature(level=0.9, resamples=100, seed=3)
    assert changed == f"bootstrap|unit:image|interval:percentile|level:0.9|resamples:100|seed:3{tail}"


def test_docstring_examples() -> None:
    assert doctest.testmod(statistics) == (0, 2)
