"""Curves over layers against means and intervals by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.leaderboard.curves_svg import curve_svg
from lmms_vg.leaderboard.layer_curves import curves
from lmms_vg.leaderboard.layer_looks import LayerLooks
from lmms_vg.metrics.statistics import cluster_interval


def looks(best: int = 1, hidden: tuple[int, ...] = (), **values: list[list[float]]) -> LayerLooks:
    n = len(next(iter(values.values())))
    return LayerLooks(
        tuple(f"u{i}" for i in range(n)),
        tuple(f"i{i // 2}" for i in range(n)),
        {name: np.array(rows, dtype=float) for name, rows in values.items()},
        best,
        hidden,
    )


def test_means_and_bands_are_those_of_whole_images() -> None:
    rows = [[number / 10 - 1.0, -(number % 7) / 5] for number in range(24)]
    (curve,) = curves(looks(excess_js=rows), None)
    assert curve.mean == pytest.approx([0.15, sum(row[1] for row in rows) / 24])
    for layer in range(2):
        low, high = cluster_interval([row[layer] for row in rows], [f"i{i // 2}" for i in range(24)], resamples=1000)
        assert (curve.low[layer], curve.high[layer]) == pytest.approx((low, high))
    assert (curve.chance, curve.n, curve.plain) == (0.0, 24, None)


def test_questions_without_a_value_are_left_out() -> None:
    nan = float("nan")
    (curve,) = curves(looks(placement=[[0.2, 0.4], [nan, nan], [0.4, 0.6], [0.6, 0.2]]), None)
    assert curve.n == 3
    assert curve.mean == pytest.approx([0.4, 0.4])


def test_layers_under_a_knockout_have_no_kl_and_no_ar() -> None:
    rows = [[-1.0, -2.0], [-3.0, -4.0], [-1.0, -2.0], [-3.0, -4.0]]
    own = looks(hidden=(1,), best=0, excess_ar=rows, excess_kl=rows, excess_js=rows)
    ar, kl, js = curves(own, looks(excess_kl=rows, excess_js=rows))
    for curve in (ar, kl):
        assert curve.mean[0] == -2
        assert np.isnan([curve.mean[1], curve.low[1], curve.high[1]]).all()
    assert js.mean.tolist() == [-2, -3]
    assert kl.plain is not None
    assert kl.plain.tolist() == [-2, -3], "the plain run hides nothing"
    assert ar.plain is None, "it has no such values"


def test_raw_values_where_nothing_is_judged() -> None:
    rows = [[1.0, 2.0], [3.0, 4.0]]
    assert [curve.chance for curve in curves(looks(ar=rows, kl=rows, js=rows), None)] == [None] * 3


def test_the_picture() -> None:
    rows = [[0.1, 0.5, 0.7], [0.3, 0.7, 0.6], [0.2, 0.9, 0.4], [0.6, 0.1, 0.2]] * 6
    (curve,) = curves(looks(placement=rows, hidden=(2,)), looks(placement=rows))
    svg = curve_svg(curve, "c1")
    for kind in ("band", "after", "before", "chance", "best", "covered"):
        assert svg.count(f'class="{kind}"') == 1
    assert "Mean of 24 questions per layer. 0: 0.300, 1: 0.550, 2: 0.475. Chance is 0.5." in svg
    assert "style=" not in svg, "a strict content policy allows no inline style"


@pytest.mark.parametrize("questions", [2, 18])
def test_one_and_nine_images_have_no_band(questions: int) -> None:
    (curve,) = curves(looks(placement=[[0.1 + i / 100, 0.5] for i in range(questions)]), None)
    assert np.isnan(curve.low).all()
    assert 'class="band"' not in curve_svg(curve, "c1")
