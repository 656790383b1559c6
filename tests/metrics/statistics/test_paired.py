"""Two runs: the interval is that of their differences, the p-value that of sign flips, and few images are said to be few."""

from __future__ import annotations

import math
import re
import warnings
from statistics import fmean

import numpy as np
import pytest
from clustered import clustered, runs
from few_draws import few_draws

from lmms_vg.metrics.statistics import cluster_interval, effective_n, mcnemar, paired, sign_flips, wilson
from lmms_vg.metrics.statistics.joint import resample


def test_the_seed_of_a_pair_is_used() -> None:
    scores, images = clustered(np.random.default_rng(2), 40, 5)
    before = dict(enumerate(scores))
    after = {number: 1 - score if number % 7 == 0 else score for number, score in before.items()}
    ends = {paired(before, after, dict(enumerate(images)), seed=seed)[1:3] for seed in (1, 1, 2)}
    assert len(ends) == 2


def test_paired_is_the_interval_of_the_differences() -> None:
    a, b, images = runs(gain=0.2)
    result = paired(a, dict(reversed(b.items())), images, seed=7, resamples=500, level=0.9)
    differences = [b[uid] - a[uid] for uid in a]
    assert result.mean == pytest.approx(fmean(b.values()) - fmean(a.values()))
    assert result[1:3] == cluster_interval(differences, list(images.values()), seed=7, resamples=500, level=0.9)
    back = paired(b, a, images, seed=7, resamples=500, level=0.9)
    assert (back.mean, back.low, back.high) == pytest.approx((-result.mean, -result.high, -result.low))
    assert back.p == result.p


@pytest.mark.slow
def test_paired_p_value_holds_its_level_and_sees_a_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """For two equally good runs p is below .05 in about one of 20; with questions as clusters far more often."""
    few_draws(monkeypatch, 1000)
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


def test_the_p_value_is_that_of_sign_flips_of_image_sums() -> None:
    a, b, images = runs(gain=0.2)
    sums = {image: sum(b[uid] - a[uid] for uid in a if images[uid] == image) for image in images.values()}
    test, result = sign_flips(list(sums.values())), paired(a, b, images)
    assert (result.p, result.least, result.images) == test


def differing(better: int, equal: int) -> tuple[dict[int, float], dict[int, float], dict[int, int]]:
    """Runs that differ in the first questions; each has its own image."""
    b = {number: float(number < better) for number in range(better + equal)}
    return dict.fromkeys(b, 0.0), b, {number: number for number in b}


@pytest.mark.parametrize("better", [1, 9])
def test_fewer_than_ten_images_with_a_difference_are_too_few_for_an_interval(better: int) -> None:
    result = paired(*differing(better, 200))
    assert not result.has_interval
    assert (result.images, result.least) == (better, 2.0 ** (1 - better))
    assert paired(*differing(10, 200)).has_interval


def test_runs_without_a_difference_have_wilsons_interval() -> None:
    """0 of 300 questions differ: up to 1.26% may, and nothing says to which side."""
    result = paired(*differing(0, 300))
    reach = wilson(0, 300)[1]
    assert result[:6] == (0, -reach, reach, 1, 0, 1)
    assert reach == pytest.approx(1.96**2 / (300 + 1.96**2), rel=1e-4)


def test_scores_that_nothing_bounds_have_no_interval_where_none_differs() -> None:
    """AR of 3 in all of 300 questions of both runs: the share that may differ says nothing of by how much."""
    uids = [f"q{number}" for number in range(300)]
    for score, bounded in ((0.5, True), (3.0, False), (-0.5, False)):
        same = dict.fromkeys(uids, score)
        result = paired(same, same, {uid: uid for uid in uids})
        assert (result.mean, result.p, result.images, result.has_interval) == (0, 1, 0, bounded)
        assert math.isnan(result.error) != bounded
        assert resample([list(same.values())] * 2, uids).difference(0, 1).has_interval == bounded


def test_a_difference_of_every_question_has_an_interval_with_a_width() -> None:
    """All of 30 are better: at least .886 of all are, and at most the rest is worse."""
    result = paired(*differing(30, 0))
    assert (result.low, result.high) == (pytest.approx(2 * wilson(1, 30)[0] - 1), 1)


def test_a_single_image_and_a_single_question_say_nothing_and_warn_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for uids in (["q"], ["q", "r"]):
            result = paired(dict.fromkeys(uids, 0), dict.fromkeys(uids, 1), dict.fromkeys(uids, "x"))
            assert (result.mean, result.p, result.images) == (1, 1, 1)
            assert math.isnan(result.low)
            assert math.isnan(result.error)


def test_the_standard_error_is_that_of_images() -> None:
    """A loop over images: the sandwich estimate of a ratio of sums."""
    a, b, images = runs(gain=0.2)
    mean = fmean(b[uid] - a[uid] for uid in a)
    residuals = [sum(b[uid] - a[uid] - mean for uid in a if images[uid] == image) for image in set(images.values())]
    count = len(residuals)
    expected = math.sqrt(sum(value**2 for value in residuals) * count / (count - 1)) / len(a)
    assert paired(a, b, images).error == pytest.approx(expected)


def test_few_differing_images_leave_the_standard_error_that_wilsons_bound_allows() -> None:
    a, b, images = differing(2, 98)
    reach = wilson(0.02, effective_n([1, 1] + [0] * 98, range(100)))[1]
    assert paired(a, b, images).error == pytest.approx(reach / 1.6449, rel=1e-4)


def test_parts_are_weighted_and_drawn_by_themselves() -> None:
    """Part x gains .5 on 20 questions, part y loses .25 on 40; x weighs three times as much: .375 - .0625."""
    a = {f"{part}{number}": 0.0 for part, size in (("x", 20), ("y", 40)) for number in range(size)}
    b = a | {f"x{number}": 1.0 for number in range(10)} | {f"y{number}": -1.0 for number in range(10)}
    images = {uid: uid for uid in a}
    result = paired(a, b, images, parts={uid: uid[0] for uid in a}, weights={"x": 30, "y": 10}, resamples=20_000)
    assert result.mean == pytest.approx(0.75 * 0.5 - 0.25 * 0.25)
    errors = [math.sqrt(share * (1 - share) / (size - 1)) for share, size in ((0.5, 20), (0.25, 40))]
    assert result.error == pytest.approx(math.hypot(0.75 * errors[0], 0.25 * errors[1]))
    assert (result.high - result.low) / 2 == pytest.approx(1.96 * result.error, rel=0.06)
    # Each question of x weighs six times as much as one of y.
    assert result.p == pytest.approx(sign_flips([3] * 10 + [-0.5] * 10).p, abs=0.004)
