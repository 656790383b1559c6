"""Repeatability against the sums of squares by hand, and against variances that are known."""

from __future__ import annotations

import numpy as np
import pytest
from studies import question, task_of

from lmms_vg.study.repeat_table import interval, repeated, table


def test_by_hand() -> None:
    """Within: (.5 + .5) / 2. Between: means 1.5 and 4.5 are 9 apart in the sum of squares; (9 - .5) / 2."""
    found = repeated([np.array([1.0, 2.0]), np.array([4.0, 5.0])])
    assert found.within == pytest.approx(np.sqrt(0.5))
    assert found.between == pytest.approx(np.sqrt(4.25))
    assert found.reliability == pytest.approx(4.25 / 4.75)


def test_known_variances_are_found() -> None:
    rng = np.random.default_rng(1)
    groups = [
        mean + 0.5 * rng.standard_normal(int(size))
        for mean, size in zip(2 * rng.standard_normal(2000), rng.integers(2, 9, 2000), strict=True)
    ]
    found = repeated(groups)
    assert found.within == pytest.approx(0.5, rel=0.03)
    assert found.between == pytest.approx(2, rel=0.05)


def test_wordings_of_one_box_are_put_together() -> None:
    boxes = [((0.0, 0.0, 1.0, 1.0 + i // 2),) for i in range(8)]
    questions = [question(i, text=f"wording {i % 2}", boxes=box, image=f"i{i // 2}") for i, box in enumerate(boxes)]
    kl = np.repeat(np.arange(4.0), 2)[:, None] + np.tile([0.0, 0.2], 4)[:, None]
    (row,) = table([task_of(kl, questions=questions)]).rows
    assert (row["boxes"], row["n"], row["images"]) == (4, 8, 4)
    assert row["sd_within_box"] == pytest.approx(np.sqrt(0.02))
    same = [question(i, boxes=box) for i, box in enumerate(boxes)]
    assert table([task_of(kl, questions=same)]).rows == [], "one wording, asked twice"


def test_the_interval_of_the_reliability_holds_what_is_known() -> None:
    """Variances 4 and 1, so .8; images of two boxes each. Drawing images by hand gives the same ends."""
    rng = np.random.default_rng(2)
    groups = [mean + rng.standard_normal(10) for mean in 2 * rng.standard_normal(80)]
    units = [f"i{number // 2}" for number in range(80)]
    low, high = interval(groups, units)
    assert low < 0.8 < high
    by_hand = []
    for _ in range(500):
        images = rng.integers(0, 40, 40)
        by_hand.append(repeated([groups[2 * image + turn] for image in images for turn in (0, 1)]).reliability)
    assert (low, high) == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=0.02)
    assert np.isnan(interval(groups[:18], units[:18])).all(), "nine images"
