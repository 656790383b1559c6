"""The closed forms against sums over patches, and by hand."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from lmms_vg.metrics import alignment, uniform
from lmms_vg.metrics.uniform import uniform as level


def test_one_patch_of_nine_by_hand():
    """M^ = (1, 0 x 8), A^ = 1/9 each. R = 5/9 inside, 1/18 outside: JS = [ln(9/5) + ln(1/5)/9 + 8/9 ln 2] / 2."""
    values = level(1, 9, 9)
    assert (float(values.ar), float(values.kl)) == pytest.approx((1, np.log(9)))
    assert float(values.js) == pytest.approx((np.log(9 / 5) + np.log(1 / 5) / 9 + 8 / 9 * np.log(2)) / 2)


@pytest.mark.parametrize(("inside", "visible", "patches"), [(1, 9, 9), (4, 6, 9), (9, 9, 9), (58, 432, 576)])
def test_it_is_what_the_measure_says_of_such_attention(inside, visible, patches):
    order = np.arange(patches)
    attention, mask = (order < visible).astype(float), order < inside
    expected = level(inside, visible, patches)
    for value, measure in (
        (expected.ar, alignment.attention_ratio(attention, mask)),
        (expected.printed_ar, alignment.printed_attention_ratio(attention, mask)),
        (expected.kl, alignment.kl_divergence(attention, mask)),
        (expected.js, alignment.js_divergence(attention, mask)),
    ):
        assert float(measure) == pytest.approx(float(value), abs=1e-5)


def test_padding_alone_lifts_the_attention_ratio():
    assert float(level(58, 432, 576).ar) == pytest.approx(4 / 3), "640 x 480 on a square"


def test_many_boxes_at_once():
    assert level([1, 2, 3], 9, 9).kl.tolist() == pytest.approx(np.log([9, 4.5, 3]).tolist())


@pytest.mark.parametrize("counts", [(0, 9, 9), (5, 4, 9), (1, 10, 9)])
def test_impossible_counts_are_named(counts):
    with pytest.raises(ValueError, match="0 < inside <= visible <= all"):
        level(*counts)


def test_docstring_examples():
    assert doctest.testmod(uniform).failed == 0
