"""The one pass over ordered pairs gives what the step-down procedure gives when it is carried out step by step."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from lmms_vg.metrics.step_down import all_pairs

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


def rows(number: int, draws: int, seed: int) -> Rows:
    """Return means and joint draws around them; rows share half of their noise, and some truly differ."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=number) * rng.choice([0.2, 5.0], size=number)
    scales = rng.uniform(0.2, 1.0, (number, 1))
    return means, means[:, None] + 0.5 * rng.normal(size=draws) + scales * rng.normal(size=(number, draws))


def every(number: int) -> NDArray[np.bool_]:
    return np.ones((number, number), dtype=bool)


#: So many that Student's distribution is normal.
MANY = 10**9


def rejected_step_by_step(means: NDArray[np.float64], drawn: NDArray[np.float64], alpha: float) -> set[tuple[int, int]]:
    """Romano and Wolf's Algorithm 3.1 as it is written: a critical value, rejections, and again for those that are left."""
    draws = drawn.shape[1]
    left = set(combinations(range(len(means)), 2))
    rejected: set[tuple[int, int]] = set()
    spread = {(i, j): np.std(drawn[i] - drawn[j], ddof=1) for i, j in left}
    while left:
        highest = np.zeros(draws)
        for i, j in left:
            highest = np.maximum(highest, np.abs(drawn[i] - drawn[j] - means[i] + means[j]) / spread[i, j])
        new = {
            (i, j)
            for i, j in left
            if (1 + np.sum(highest >= abs(means[i] - means[j]) / spread[i, j])) / (1 + draws) <= alpha
        }
        if not new:
            break
        rejected |= new
        left -= new
    return rejected


@pytest.mark.parametrize("seed", range(8))
def test_it_rejects_what_the_steps_reject(seed: int) -> None:
    means, drawn = rows(9, 400, seed)
    p = all_pairs(means, drawn, every(9), MANY)
    assert np.array_equal(p, p.T)
    assert np.array_equal(np.diag(p), np.ones(9))
    for alpha in (0.01, 0.05, 0.2):
        found = {(i, j) for i, j in combinations(range(9), 2) if p[i, j] <= alpha}
        assert found == rejected_step_by_step(means, drawn, alpha)
    assert 0 < len(found) < 36, "some differ, and some do not"


def test_two_rows_are_tested_as_if_alone() -> None:
    means, drawn = rows(2, 999, 3)
    deviates = np.abs(drawn[0] - drawn[1] - means[0] + means[1])
    alone = (1 + np.sum(deviates >= abs(means[0] - means[1]))) / 1000
    assert all_pairs(means, drawn, every(2), MANY)[0, 1] == pytest.approx(alone)


@pytest.mark.parametrize("seed", range(5))
def test_a_further_row_lowers_no_p(seed: int) -> None:
    means, drawn = rows(12, 300, seed)
    for number in range(2, 12):
        before = all_pairs(means[:number], drawn[:number], every(number), 30)
        after = all_pairs(means[: number + 1], drawn[: number + 1], every(number + 1), 30)
        assert (after[:number, :number] >= before - 1e-12).all()


def test_pairs_that_are_not_tested_cost_nothing() -> None:
    means, drawn = rows(6, 300, 1)
    testable = every(6)
    testable[4:] = testable[:, 4:] = False
    p = all_pairs(means, drawn, testable, MANY)
    assert np.array_equal(p[:4, :4], all_pairs(means[:4], drawn[:4], every(4), MANY))
    assert (p[4:] == 1).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    means, drawn = rows(9, 100, 2)
    whole = all_pairs(means, drawn, every(9), MANY)
    monkeypatch.setattr("lmms_vg.metrics.step_down._BLOCK", 250)
    assert np.array_equal(all_pairs(means, drawn, every(9), MANY), whole)


def test_nothing_to_draw_or_to_compare() -> None:
    assert (all_pairs(np.array([1.0, 2.0]), np.empty((2, 0)), every(2), 9) == 1).all()
    assert all_pairs(np.array([1.0]), np.ones((1, 50)), every(1), 9).tolist() == [[1.0]]
    same = np.random.default_rng(0).random((1, 50))
    assert (all_pairs(np.array([1.0, 1.0]), np.concatenate([same, same]), every(2), 9) == 1).all(), (
        "no spread, no difference"
    )


def test_few_images_need_more_for_the_same_p() -> None:
    """On ten images a difference of 2.262 standard errors has p .05, as in Student's table for nine degrees of freedom."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=200_000)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    means = np.array([2.262, 0.0])
    drawn = np.stack([2.262 + noise, np.zeros_like(noise)])
    assert all_pairs(means, drawn, every(2), 10)[0, 1] == pytest.approx(0.05, abs=0.001)
    assert all_pairs(means, drawn, every(2), MANY)[0, 1] == pytest.approx(0.0237, abs=0.001)
