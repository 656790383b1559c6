"""Holm's correction by hand, and as the closure of Bonferroni's."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmms_vg.metrics.statistics import holm

P = st.floats(0, 1)


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


@given(st.lists(P, min_size=1, max_size=6), st.integers(0, 9))
def test_unseen_comparisons_count_as_if_their_p_were_1(values: list[float], unseen: int) -> None:
    p = {f"h{number}": value for number, value in enumerate(values)}
    all_of_them = holm(p | {f"unseen {number}": 1.0 for number in range(unseen)})
    assert holm(p, family=len(p) + unseen) == {name: all_of_them[name] for name in p}
