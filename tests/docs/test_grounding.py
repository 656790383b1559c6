"""The worked examples of docs/grounding.md are what the code computes."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.methods.head_list import HeadOrders, HeadScores
from lmms_vg.metrics import alignment
from lmms_vg.metrics.forced_choice import auc
from lmms_vg.metrics.head_ranking import HeadSums, shared_by_chance
from lmms_vg.metrics.nulls import null
from lmms_vg.metrics.placement import place
from lmms_vg.metrics.regions import auprc, auroc, mass, overlap, pointing
from lmms_vg.metrics.uniform import uniform

GRID = np.arange(1.0, 10).reshape(3, 3)
BOX = GRID == 9
EVEN = np.ones((3, 3))


def test_raw_values_and_the_level_of_even_attention() -> None:
    assert float(alignment.attention_ratio(GRID, BOX)) == pytest.approx(1.8)
    assert float(alignment.kl_divergence(GRID, BOX)) == pytest.approx(1.609, abs=5e-4)
    assert float(alignment.js_divergence(GRID, BOX)) == pytest.approx(0.423, abs=5e-4)
    assert float(uniform(1, 9, 9).kl) == pytest.approx(2.197, abs=5e-4)
    assert float(uniform(1, 9, 9).js) == pytest.approx(0.513, abs=6e-4)
    assert (np.log(1 / 0.6) + 0.2 * np.log(0.2 / 0.6) + 0.8 * np.log(2)) / 2 == pytest.approx(0.423, abs=5e-4)
    assert float(uniform(1, 432, 576).ar) == pytest.approx(1.333, abs=5e-4)


def test_placement() -> None:
    result = place(GRID, BOX)
    assert (float(result.share), float(result.ar_window)) == pytest.approx((0.944, 1.8), abs=5e-4)


def test_excess() -> None:
    maps = np.stack([GRID, EVEN, GRID[::-1, ::-1]]).reshape(3, 1, 9)
    result = null(maps, np.stack([BOX.ravel()] * 3), [np.array([1, 2]), np.array([1]), np.array([2])])
    got = [float(values.log_ar[0, 0]) for values in (result.level, result.value, result.excess)]
    assert got == pytest.approx([-0.805, 0.588, 1.393], abs=6e-4)
    assert float(result.excess.log_ar[2, 0]) == 0, "the same map again"


def test_regions() -> None:
    middle = GRID == 5
    assert overlap(GRID, BOX)[:2] == (1, 1)
    assert overlap(EVEN, BOX)[:2] == pytest.approx((1 / 9, 0.2))
    assert [float(pointing(a, BOX)) for a in (GRID, EVEN)] == pytest.approx([1, 1 / 9])
    assert [float(mass(a, BOX)) for a in (GRID, EVEN)] == pytest.approx([0.2, 0.111], abs=5e-4)
    assert [float(auroc(GRID, mask)) for mask in (BOX, middle)] == [1, 0.5]
    assert float(auroc(GRID, (GRID == 6) | BOX)) == pytest.approx(12 / 14)
    assert float(auroc(EVEN, BOX)) == 0.5
    assert [float(auprc(GRID, mask)) for mask in (BOX, middle)] == pytest.approx([1, 0.2])


def test_heads() -> None:
    sums = HeadSums((1, 36), "kl", resamples=2)
    order = np.full(36, 9.0)
    by_kl, by_ar = order.copy(), -order
    by_kl[[1, 2, 3]], by_ar[[2, 3, 4]] = [1, 2, 3], [3, 2, 1]
    sums.add("a", {"kl": [by_kl], "ar": [by_ar], "js": [order], "placement": [order]}, [1.0])
    assert sums.shared(3)["ar"] == 2
    assert shared_by_chance(3, 36) == (0.25, 1)
    scores = HeadScores(kl=[2.0], ar=[0.9], js=[0.4], placement=[0.6], layer_kl=[2.0], all_kl=[[2.0]])
    even = {"kl": 2.2, "ar": 1.0, "js": 0.5, "placement": 0.5}
    assert HeadOrders(by="kl", shared={}, even=even).no_better_than_even(scores) == [True]


def test_right_answers_where_it_looks_right() -> None:
    assert auc([2.0, 0.5, 1.0, 1.5], [True, True, False, False]) == 0.5


@pytest.mark.parametrize(("leans", "centred", "share"), [(False, False, 0.47), (True, False, 0.60), (True, True, 1.0)])
def test_how_often_attention_that_never_saw_the_place_counts_as_grounded(
    leans: bool, centred: bool, share: float
) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:24, :24]
    middle = 2 * np.exp(-((y - 11.5) ** 2 + (x - 11.5) ** 2) / 72) if leans else np.zeros((24, 24))
    grounded = []
    for _ in range(2000):
        height, width = rng.integers(2, 12, 2)
        top, left = ((24 - side) // 2 if centred else rng.integers(0, 25 - side) for side in (height, width))
        place = np.zeros((24, 24), dtype=bool)
        place[top : top + height, left : left + width] = True
        attention = np.exp(0.8 * rng.standard_normal((24, 24)) + middle)
        grounded.append(float(alignment.attention_ratio(attention, place)) > 1)
    assert np.mean(grounded) == pytest.approx(share, abs=0.04)
