"""The arms' maps by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmms_vg.vgmed.blind_arms import RunMap, hiding_layers, lifts, lowest_kl

VISIBLE = np.array([1, 1, 1, 1, 1, 1, 0, 0], bool)
MASK = np.array([0, 1, 0, 0, 0, 0, 0, 0], bool)


def run_map(*layers: list[float], visible: Any = VISIBLE) -> RunMap:
    return RunMap(np.array(layers, np.float32), (2, 4), MASK, visible)


PLAIN = run_map([1, 6, 2, 3, 4, 2, 9, 9], [1, 1, 1, 1, 1, 1, 1, 1])
METHOD = run_map([0, 4, 0, 4, 4, 0, 9, 9], [2, 1, 1, 1, 1, 1, 1, 1])


def test_lift_is_attention_over_its_mean_in_the_image() -> None:
    made = lifts(PLAIN, METHOD, 0, ["plain", "method"], np.random.default_rng(0))
    assert made["plain"][:6].tolist() == pytest.approx([1 / 3, 2, 2 / 3, 1, 4 / 3, 2 / 3])
    assert made["method"][:6].tolist() == pytest.approx([0, 2, 0, 2, 2, 0])


def test_cut_has_the_methods_number_of_holes_where_plain_is_lowest() -> None:
    made = lifts(PLAIN, METHOD, 0, ["cut"], np.random.default_rng(0))["cut"]
    assert made[:6].tolist() == pytest.approx(
        [0, 36 / 13, 0, 18 / 13, 24 / 13, 0]
    )  # 1, 2, 2 are gone; the mean is 13/6


def test_random_has_as_many_holes_in_the_image_anywhere() -> None:
    drawn = [lifts(PLAIN, METHOD, 0, ["random"], np.random.default_rng(seed))["random"] for seed in range(200)]
    holes = np.array([one == 0 for one in drawn])
    assert (holes.sum(axis=1) == 3).all()
    assert holes.mean(axis=0)[:6] == pytest.approx([0.5] * 6, abs=0.15)
    assert not holes[:, 6:].any()
    assert all(one[:6].mean() == pytest.approx(1) for one in drawn)


def test_layers_that_hide_and_the_layer_of_lowest_kl() -> None:
    assert hiding_layers({"q": METHOD}) == [0]
    assert hiding_layers({"q": PLAIN}) == []
    assert lowest_kl({"q": run_map([1, 1, 1, 1, 1, 1, 1, 1], [1, 9, 1, 1, 1, 1, 1, 1])}) == 1


def test_runs_that_see_other_patches_are_not_compared() -> None:
    with pytest.raises(ValueError, match="see the image on different patches"):
        lifts(PLAIN, run_map([1] * 8, visible=np.ones(8, bool)), 0, ["plain"], np.random.default_rng(0))
