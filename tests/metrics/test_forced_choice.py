"""Forced choice against brute force and scikit-learn, and its ends: ties, one class, one question, values that are missing."""

from __future__ import annotations

from itertools import product
from math import exp, isnan, log, nan
from typing import Any

import numpy as np
import pytest
from few_draws import few_draws

from lmms_vg.metrics.forced_choice import (
    auc,
    auc_shift,
    calibration_error,
    correct_at_rate,
    preference,
    signature,
)

_RNG = np.random.default_rng(0)


def _data(n: int = 200, levels: int = 9) -> tuple[list[float], list[bool]]:
    truth = _RNG.random(n) < 0.6
    margins = np.round(_RNG.normal(size=n) + truth, 1) if levels else _RNG.normal(size=n) + truth
    return margins.tolist(), truth.tolist()


def _pairs(margins: list[float], truth: list[bool]) -> float:
    yes = [margin for margin, right in zip(margins, truth, strict=True) if right]
    no = [margin for margin, right in zip(margins, truth, strict=True) if not right]
    return float(np.mean([(a > b) + (a == b) / 2 for a, b in product(yes, no)]))


@pytest.mark.parametrize("levels", [0, 9], ids=["no ties", "ties"])
def test_auc_is_the_share_of_pairs_in_the_right_order(levels: int) -> None:
    margins, truth = _data(levels=levels)
    assert auc(margins, truth) == pytest.approx(_pairs(margins, truth), abs=1e-12)


def test_auc_and_brier_and_log_score_equal_those_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    margins, truth = _data()
    assert auc(margins, truth) == pytest.approx(sklearn.roc_auc_score(truth, margins))
    yes = [1 / (1 + exp(-margin)) for margin in margins]
    judged = [preference([margin, 0.0], 0 if right else 1) for margin, right in zip(margins, truth, strict=True)]
    assert np.mean([entry.brier for entry in judged]) == pytest.approx(sklearn.brier_score_loss(truth, yes))
    assert np.mean([entry.log_score for entry in judged]) == pytest.approx(sklearn.log_loss(truth, yes))
    forced = [margin > 0 for margin in margins]
    without_ties = [entry.correct for entry, margin in zip(judged, margins, strict=True) if margin]
    matches = [a == b for a, b, margin in zip(forced, truth, margins, strict=True) if margin]
    assert np.mean(without_ties) == np.mean(matches)


def test_a_preference_by_hand() -> None:
    judged = preference([log(0.1), log(0.3), log(0.1)], 0)
    assert judged == pytest.approx((0.0, 0.6, ((0.2 - 1) ** 2 + 0.6**2 + 0.2**2) / 2, -log(0.2)))
    assert preference([log(0.3), log(0.3), log(0.1)], 1).correct == 0.5
    assert preference([0.0, 0.0, 0.0], 2).correct == pytest.approx(1 / 3)
    assert preference([-900.0, -2000.0], 1).log_score == pytest.approx(1100)  # no underflow


@pytest.mark.parametrize(
    ("log_p", "right"),
    [([-1.0], 0), ([], 0), ([-1.0, nan], 0), ([-1.0, -np.inf], 0), ([-1.0, -2.0], 2), ([-1, -2], -1)],
)
def test_a_preference_without_values_is_refused(log_p: list[float], right: int) -> None:
    with pytest.raises(ValueError, match="allowed"):
        preference(log_p, right)


def test_one_class_has_no_auc() -> None:
    assert isnan(auc([1.0, 2.0], [True, True]))
    assert isnan(auc([1.0], [False]))
    assert auc_shift([1.0, 2.0], [2.0, 1.0], [True, True], ["a", "b"]) is None


@pytest.mark.parametrize(
    ("margins", "truth"),
    [([], []), ([1.0], [True, False]), ([1.0, nan], [True, False]), ([1.0, np.inf], [True, False])],
)
def test_missing_margins_are_refused(margins: list[float], truth: list[bool]) -> None:
    for function in (auc, lambda *given: correct_at_rate(*given, 0.5)):
        with pytest.raises(ValueError, match=r"allowed|finite"):
            function(margins, truth)


@pytest.mark.parametrize("rate", [0.0, 0.13, 0.5, 0.9, 1.0])
def test_accuracy_at_a_rate_is_the_mean_over_ways_to_break_ties(rate: float) -> None:
    margins, truth = _data(50)
    scores = correct_at_rate(margins, truth, rate)
    said = int(round(rate * 50, 9))
    broken = []
    for _ in range(3000):
        order = sorted(range(50), key=lambda i: (-margins[i], _RNG.random()))
        yes = set(order[:said])
        broken.append(np.mean([(i in yes) == truth[i] for i in range(50)]))
    if said == pytest.approx(rate * 50):
        assert np.mean(scores) == pytest.approx(np.mean(broken), abs=0.005)
    assert sum(score if right else 1 - score for score, right in zip(scores, truth, strict=True)) == pytest.approx(
        rate * 50
    )


def test_at_its_own_rate_a_run_has_its_forced_accuracy() -> None:
    margins, truth = _data(levels=0)
    rate = float(np.mean([margin > 0 for margin in margins]))
    forced = [float((margin > 0) == right) for margin, right in zip(margins, truth, strict=True)]
    assert correct_at_rate(margins, truth, rate) == pytest.approx(forced)
    moved = [margin + 5 for margin in margins]  # yes to everything, without seeing any worse
    assert correct_at_rate(moved, truth, rate) == pytest.approx(forced)


@pytest.mark.parametrize("rate", [-0.1, 1.1, nan])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        correct_at_rate([1.0], [True], rate)


def _brute_error(confidence: list[float], correct: list[float], bins: int) -> float:
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            (sure, hit)
            for sure, hit in zip(confidence, correct, strict=True)
            if low < sure <= high or (number == 0 and sure == 0)
        ]
        if inside:
            sure, hit = np.mean(inside, axis=0)
            total += len(inside) * abs(sure - hit)
    return total / len(confidence)


@pytest.mark.parametrize("bins", [1, 3, 10])
def test_calibration_error_against_a_loop(bins: int) -> None:
    confidence = [*_RNG.random(100).tolist(), 0.0, 0.3, 0.7, 1.0]
    correct = [float(hit) for hit in _RNG.random(104) < 0.5]
    assert calibration_error(confidence, correct, bins) == pytest.approx(_brute_error(confidence, correct, bins))


def test_calibration_error_of_one_question() -> None:
    assert calibration_error([0.75], [1.0]) == pytest.approx(0.25)
    for given in (([], []), ([0.5], [1.0, 0.0]), ([1.5], [1.0]), ([nan], [1.0])):
        with pytest.raises(ValueError, match="allowed"):
            calibration_error(*given)
    with pytest.raises(ValueError, match="0 bins"):
        calibration_error([0.5], [1.0], 0)


def test_the_auc_shift_is_the_difference_and_its_interval_covers_it() -> None:
    a, truth = _data(120)
    b = [margin + float(noise) for margin, noise in zip(a, _RNG.normal(size=120), strict=True)]
    images = [f"i{number // 3}" for number in range(120)]
    shift: Any = auc_shift(a, b, truth, images)
    assert shift.mean == pytest.approx(_pairs(b, truth) - _pairs(a, truth))
    assert shift.low < shift.mean < shift.high
    assert 0 < shift.p <= 1
    mirrored: Any = auc_shift(b, a, truth, images)
    assert mirrored.p == pytest.approx(shift.p)
    assert mirrored.mean == pytest.approx(-shift.mean)


def test_the_bootstrap_draws_whole_images() -> None:
    """With every question of an image alike, three copies of a question must not make the interval narrower."""
    a, truth = _data(60)
    b = [margin + float(noise) for margin, noise in zip(a, _RNG.normal(size=60), strict=True)]
    once: Any = auc_shift(a, b, truth, [f"{number:02}" for number in range(60)])
    names = [f"{number % 60:02}" for number in range(180)]
    thrice: Any = auc_shift(a * 3, b * 3, truth * 3, names)
    assert thrice == pytest.approx(once)


def test_too_few_images_and_equal_runs() -> None:
    a, truth = _data(40)
    few: Any = auc_shift(a, [a[0] + 9, *a[1:]], truth, list(range(40)))
    assert isnan(few.p)
    assert isnan(few.low)
    equal: Any = auc_shift(a, a, truth, list(range(40)))
    assert equal.mean == 0
    assert isnan(equal.p)


@pytest.mark.slow
def test_equal_runs_are_seldom_called_different(monkeypatch: pytest.MonkeyPatch) -> None:
    few_draws(monkeypatch)
    rng, found, times = np.random.default_rng(1), 0, 300
    for _ in range(times):
        truth = rng.random(90) < 0.5
        seen = rng.normal(size=90) + truth
        a, b = (seen + rng.normal(size=90) for _ in range(2))
        shift: Any = auc_shift(a.tolist(), b.tolist(), truth.tolist(), [n // 3 for n in range(90)], resamples=10)
        found += shift.p < 0.05
    assert found / times < 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5


def test_the_signature_states_unit_and_bins() -> None:
    assert "ece:10-equal-bins" in signature()
    assert "unit:patient" in signature("patient")
