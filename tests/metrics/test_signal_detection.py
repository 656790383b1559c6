"""d', criterion and balanced accuracy by hand; and that saying yes more often is not seeing better."""

from __future__ import annotations

import doctest
import math
from statistics import NormalDist

import numpy as np
import pytest
from few_draws import few_draws

from lmms_vg.metrics import signal_detection
from lmms_vg.metrics.signal_detection import detection, detection_shift

Z = NormalDist().inv_cdf


def test_by_hand() -> None:
    """Yes to 8 of 10 whose answer is yes, and to 3 of 20 others."""
    said = [True] * 8 + [False] * 2 + [True] * 3 + [False] * 17
    result = detection(said, [True] * 10 + [False] * 20)
    h, f = Z(8.5 / 11), Z(3.5 / 21)
    assert result == pytest.approx((30, 11 / 30, (0.8 + 0.85) / 2, h - f, -(h + f) / 2))


def test_shares_of_0_and_1_have_finite_values() -> None:
    result = detection([True] * 5 + [False] * 5, [True] * 5 + [False] * 5)
    assert result.d_prime == pytest.approx(2 * Z(5.5 / 6))
    assert result.criterion == pytest.approx(0)


@pytest.mark.parametrize("truth", [True, False])
def test_one_class_only_has_a_yes_rate_and_nothing_else(truth: bool) -> None:
    result = detection([True, False, True], [truth] * 3)
    assert result[:2] == (3, pytest.approx(2 / 3))
    assert all(math.isnan(value) for value in result[2:])
    assert detection_shift([True] * 3, [False] * 3, [truth] * 3, range(3)) is None


def test_no_answers_and_other_lengths_are_refused() -> None:
    for said, truth in (([], []), ([True], [True, False])):
        with pytest.raises(ValueError, match="one of each per question"):
            detection(said, truth)
    with pytest.raises(ValueError, match="one of each per question"):
        detection_shift([True], [True], [True], [])


def test_change_is_the_difference_of_the_two() -> None:
    rng = np.random.default_rng(0)
    truth, a, b = (rng.random(200) < share for share in (0.5, 0.4, 0.7))
    shift = detection_shift(a, b, truth, range(200))
    assert shift is not None
    before, after = detection(a, truth), detection(b, truth)
    assert shift.images == (a != b).sum()
    for name in ("yes_rate", "balanced_accuracy", "d_prime", "criterion"):
        change = getattr(shift, name)
        assert change.mean == pytest.approx(getattr(after, name) - getattr(before, name))
        assert change.low < change.mean < change.high
    back = detection_shift(b, a, truth, range(200))
    assert back is not None
    assert back.d_prime.mean == pytest.approx(-shift.d_prime.mean)
    assert back.d_prime.p == pytest.approx(shift.d_prime.p, abs=0.01)


@pytest.mark.slow
def test_the_interval_is_as_wide_as_the_normal_approximation_says() -> None:
    """Gourevitch and Galanter (1967): var d' = H (1 - H) / (n φ(z(H))²) + F (1 - F) / (m φ(z(F))²), for independent runs."""
    rng = np.random.default_rng(1)
    truth = np.arange(2000) < 1000
    a, b = (np.where(truth, rng.random(2000) < 0.7, rng.random(2000) < 0.3) for _ in range(2))
    shift = detection_shift(a, b, truth, range(2000))
    assert shift is not None
    variance = 4 * 0.7 * 0.3 / 1000 / NormalDist().pdf(Z(0.7)) ** 2
    assert (shift.d_prime.high - shift.d_prime.low) / 2 == pytest.approx(1.96 * math.sqrt(variance), rel=0.08)


def test_few_images_say_nothing() -> None:
    truth = [True, False] * 50
    b = [True] * 9 + [False] * 91
    shift = detection_shift([False] * 100, b, truth, range(100))
    assert shift is not None
    assert shift.images == 9
    assert math.isnan(shift.d_prime.p)
    assert math.isnan(shift.d_prime.low)


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.5, 0.8), (0.2, 0.9)])
def test_two_blind_runs_seldom_see_better(rates: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """300 questions, four per image, two of three with the answer yes, whatever is seen."""
    few_draws(monkeypatch)
    rng = np.random.default_rng(3)
    repetitions, better, criterion = 300, 0, 0
    for _ in range(repetitions):
        truth = rng.random(300) < 0.67
        a, b = (rng.random(300) < rate for rate in rates)
        shift = detection_shift(a, b, truth, np.repeat(np.arange(75), 4).tolist(), resamples=1)
        assert shift is not None
        better += shift.d_prime.p < 0.05
        criterion += shift.criterion.p < 0.05
    assert better / repetitions <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / repetitions)
    assert criterion / repetitions > 0.9 or rates[0] == rates[1]


def test_better_eyes_are_found_whatever_the_criterion() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(600) < 0.5
    signal = truth * 1.0 + rng.normal(size=600)
    sharper = truth * 2.0 + rng.normal(size=600)
    shift = detection_shift(signal > 0.1, sharper > 1.6, truth, range(600))
    assert shift is not None
    assert shift.d_prime.mean == pytest.approx(1, abs=0.35)
    assert shift.d_prime.p < 0.01


def test_docstring_examples() -> None:
    assert doctest.testmod(signal_detection).failed == 0
