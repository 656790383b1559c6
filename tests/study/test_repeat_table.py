"""Repeatability against the sums of squares by hand, and against variances that are known."""

from __future__ import annotations

import numpy as np
import pytest
from studies import question, task_of

from lmms_vg.study.repeat_table import repeated, table


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
