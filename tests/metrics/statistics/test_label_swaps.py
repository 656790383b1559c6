"""Swaps of whole images: against every choice written out, and against sign flips where the value is a sum."""

from __future__ import annotations

from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from lmms_vg.metrics.forced_choice import auc_shift
from lmms_vg.metrics.signal_detection import detection_shift
from lmms_vg.metrics.statistics import label_swaps, sign_flips

Z = NormalDist().inv_cdf
Floats = NDArray[np.float64]


@pytest.mark.parametrize("images", [1, 5, 12, 40])
def test_a_sum_gives_the_p_of_sign_flips(images: int) -> None:
    sums = np.random.default_rng(images).integers(-3, 4, images).astype(float) + 0.5

    def changes(swapped: NDArray[np.bool_]) -> Floats:
        return np.where(swapped, -sums, sums).sum(1, keepdims=True)

    (p,) = label_swaps(changes, sums != 0)
    assert p == pytest.approx(sign_flips(sums).p, abs=1e-12 if images <= 12 else 0.03)


def test_images_that_do_not_differ_say_nothing() -> None:
    def changes(swapped: NDArray[np.bool_]) -> Floats:
        assert not swapped[:, 2:].any()
        return np.where(swapped[:, :2], -1.0, 1.0).sum(1, keepdims=True)

    assert label_swaps(changes, np.arange(50) < 2) == pytest.approx([0.5])
    assert label_swaps(lambda swapped: np.zeros((len(swapped), 2)), np.zeros(3, dtype=bool)) == pytest.approx([1, 1])


def test_no_fewer_than_one_in_the_number_of_draws() -> None:
    def changes(swapped: NDArray[np.bool_]) -> Floats:
        return np.where(swapped, -1.0, 1.0).sum(1, keepdims=True)

    assert label_swaps(changes, np.ones(60, dtype=bool)) == pytest.approx([1 / 10_001])


def _answers() -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Ten images with three questions; every image differs."""
    rng = np.random.default_rng(7)
    truth = rng.random((10, 3)) < 0.5
    return truth + rng.normal(size=(10, 3)), 0.4 * truth + rng.normal(0.3, 1, (10, 3)), truth


def _every_choice(before: Floats, after: Floats) -> list[tuple[Floats, Floats]]:
    return [
        (np.where(chosen, after, before).ravel(), np.where(chosen, before, after).ravel())
        for choice in product([False, True], repeat=len(before))
        for chosen in [np.asarray(choice)[:, None]]
    ]


def _p(changes: list[float]) -> float:
    return sum(abs(change) >= abs(changes[0]) - 1e-9 for change in changes) / len(changes)


def test_d_prime_and_criterion_against_every_choice() -> None:
    a, b, truth = (values for values in _answers())
    a, b = (np.where(truth, margins > 0.6, margins > 0.2).astype(float) for margins in (a, b))
    b[(a == b).all(1), 0] = 1 - b[(a == b).all(1), 0]
    right = truth.ravel()

    def values(said: Floats) -> tuple[float, float]:
        h, f = (Z((said[where].sum() + 0.5) / (where.sum() + 1)) for where in (right, ~right))
        return h - f, -(h + f) / 2

    shift = detection_shift(
        (a.ravel() > 0).tolist(), (b.ravel() > 0).tolist(), right.tolist(), [number // 3 for number in range(30)]
    )
    assert shift is not None
    choices = [(values(first), values(second)) for first, second in _every_choice(a, b)]
    assert shift.d_prime.p == pytest.approx(_p([second[0] - first[0] for first, second in choices]))
    assert shift.criterion.p == pytest.approx(_p([second[1] - first[1] for first, second in choices]))


def test_auc_against_every_choice_of_ranks() -> None:
    a, b, truth = _answers()
    right = truth.ravel()

    def area(margins: Floats) -> float:
        yes, no = margins.ravel()[right][:, None], margins.ravel()[~right]
        return float(((yes > no) + (yes == no) / 2).mean())

    ranks = [np.argsort(np.argsort(margins.ravel())).reshape(10, 3).astype(float) for margins in (a, b)]
    expected = _p([area(second) - area(first) for first, second in _every_choice(*ranks)])
    images = [number // 3 for number in range(30)]
    for scaled in (b, 9 * b + 2):  # the scale of one run's margins is not what is tested
        shift = auc_shift(a.ravel().tolist(), scaled.ravel().tolist(), right.tolist(), images)
        assert shift is not None
        assert shift.p == pytest.approx(expected)
