"""McNemar's test against scipy and binomial coefficients."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from lmms_vg.metrics.statistics import McNemar, mcnemar


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
        assert result.p == pytest.approx(binomtest(only_b, n, 0.5, alternative="two-sided").pvalue, rel=1e-12)


def test_mcnemar_takes_right_and_wrong_only() -> None:
    with pytest.raises(ValueError, match=r"q2: score 0\.5.*0 or 1"):
        mcnemar({"q1": 1, "q2": 1}, {"q1": True, "q2": 0.5})
    assert mcnemar({"q1": 1.0, "q2": False}, {"q1": True, "q2": 1}) == McNemar(0, 1, 1)
