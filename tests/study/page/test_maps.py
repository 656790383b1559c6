"""Maps in few bytes: levels of log2 lift, by hand and there and back."""

from __future__ import annotations

import numpy as np
import pytest

from lmms_vg.study.page.maps import kept_layers, levels_of, packed, packed_maps, unpacked

ALL = np.ones(4, bool)


def test_levels_by_hand() -> None:
    maps = np.array([[1, 1, 1, 1], [0, 0, 0, 4], [1, 2, 4, 9]], float)
    assert levels_of(maps, ALL, 32).tolist() == [
        [16, 16, 16, 16],  # even: the middle
        [0, 0, 0, 26],  # none at all; four times the mean is two of three doublings: 16 + 15 * 2 / 3
        [6, 11, 16, 22],  # 1/4, 1/2, 1, and 9/4 of the mean: 16 + 5 * log2(9/4) = 21.8
    ]
    assert levels_of(maps[:1] * 1e-30, ALL, 16).tolist() == [[8, 8, 8, 8]], "of any scale"


def test_the_ends_are_an_eighth_and_eight_times() -> None:
    maps = np.ones((1, 1000))
    maps[0, :2] = 1e-9, 900
    assert levels_of(maps, np.ones(1000, bool), 32)[0, :2].tolist() == [1, 31], (
        "attention that is there is never level 0"
    )


def test_padding_does_not_count_in_the_mean() -> None:
    maps = np.array([[2.0, 2.0, 0.0, 0.0]])
    assert levels_of(maps, np.array([True, True, False, False]), 32)[0].tolist() == [16, 16, 0, 0]


def test_a_map_without_attention_or_image_is_level_0() -> None:
    assert not levels_of(np.zeros((2, 4)), ALL, 32).any()
    assert levels_of(np.ones((1, 4)), ~ALL, 32).tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize("levels", [32, 16])
def test_there_and_back_loses_at_most_half_a_step(levels: int) -> None:
    maps = np.exp(np.random.default_rng(0).normal(size=(5, 64)) * 0.5)
    seen = np.ones(64, bool)
    back = np.frombuffer(unpacked(packed_maps(maps, seen, levels, [0, 3])), np.uint8).reshape(2, 64)
    lift = maps[[0, 3]] / maps[[0, 3]].mean(axis=1, keepdims=True)
    doublings = (back.astype(float) - levels / 2) * 3 / (levels / 2 - 1)
    assert np.abs(doublings - np.log2(lift)).max() <= 3 / (levels - 2) + 1e-9


def test_what_is_no_map_is_refused() -> None:
    for wrong in (np.nan, np.inf, -1.0):
        with pytest.raises(ValueError, match="NaN, infinite or negative"):
            levels_of(np.array([[1, wrong, 1, 1]]), ALL, 32)
    with pytest.raises(ValueError, match="15 levels: allowed is an even number"):
        levels_of(np.ones((1, 4)), ALL, 15)


def test_the_best_layer_is_always_kept() -> None:
    assert kept_layers(6, 2, 3) == [0, 2, 3, 4]
    assert kept_layers(3, 1, 1) == [0, 1, 2]
    assert unpacked(packed(b"abc")) == b"abc"
