"""What a difference is made of, counted by hand, and a coin that becomes readable."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.metrics.decomposition import decompose
from lmms_vg.metrics.statistics import paired


def test_parts_add_up_to_the_difference() -> None:
    """q0-q2 readable in both (one gained), q3-q5 newly (two right), q6 no longer (was right), q7 in neither."""
    a = {f"q{number}": float(number in (0, 6)) for number in range(8)}
    b = {f"q{number}": float(number in (0, 1, 3, 4)) for number in range(8)}
    images = {uid: uid for uid in a}
    result = decompose(a, b, {"q0", "q1", "q2", "q6"}, {"q0", "q1", "q2", "q3", "q4", "q5"}, images)
    assert result[:3] == ((3, 1), (3, 2), (1, -1))
    assert sum(part.net for part in result[:3]) == sum(b.values()) - sum(a.values())
    inner = {uid: a[uid] for uid in ("q0", "q1", "q2")}
    assert result.readable == pytest.approx(paired(inner, {uid: b[uid] for uid in inner}, images), nan_ok=True)


def test_a_coin_that_becomes_readable_gains_nothing_among_the_readable() -> None:
    rng = np.random.default_rng(0)
    b = dict(enumerate(rng.integers(0, 2, 400).astype(float)))
    a = {uid: float(rng.integers(0, 2)) if uid < 100 else 0.0 for uid in b}
    images = {uid: uid for uid in b}
    result = decompose(a, b, range(100), b, images)
    assert paired(a, b, images).p < 1e-9
    assert result.newly.n == 300
    assert result.readable is not None
    assert result.readable.p > 0.05


@pytest.mark.parametrize("read", [(), (0,)])
def test_answers_that_are_never_readable_in_both(read: tuple[int, ...]) -> None:
    a = {0: 0.0, 1: 0.0}
    result = decompose(a, a, read, (), {0: 0, 1: 1})
    assert result.both.n == 0
    assert result.readable is None
