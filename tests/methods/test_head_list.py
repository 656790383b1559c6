"""A head list as a file: what is written can be read, and heads that beat nothing are marked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmms_vg.methods.head_list import Bootstrap, HeadList, HeadOrders, HeadScores, Stability
from lmms_vg.methods.head_lists import load

MADE = HeadList(
    models=["one, of two", "two"],
    num_layers=2,
    num_heads=3,
    heads=[(1, 2), (0, 1)],
    layers=[1],
    source="a [b, c] d",
    leaks=["demo", "slake"],
    scores=HeadScores(kl=[0.5, 1], ar=[3, 2], js=[0.1, 0.2], layer_kl=[2, 1.5], all_kl=[[2, 1, 3], [4, 5, 0.5]]),
    stability=Stability(bootstrap=Bootstrap(resamples=10, mean=0.75, p5=0.5), halves=None),
    provenance={"n": 4, "versions": {"lmms_vg": "1"}},
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    MADE.write(path)
    assert load(str(path)) == MADE
    assert [entry.name for entry in tmp_path.iterdir()] == ["list.json"]
    lines = path.read_text().splitlines()
    assert "  [1, 2]," in lines
    assert "   [4.0, 5.0, 0.5]" in lines


def test_a_write_that_fails_leaves_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        MADE.write(tmp_path / "list.json")
    assert not (tmp_path / "list.json").exists()


def test_heads_that_do_not_beat_even_attention() -> None:
    """The second has a lower KL than even attention, but no more in the box."""
    scores = HeadScores(
        kl=[1.0, 1.5, 2.5], ar=[3.0, 0.9, 1.2], js=[0.1, 0.2, 0.2], layer_kl=[1.0], all_kl=[[1.0, 1.5, 2.5]]
    )
    orders = HeadOrders(by="kl", shared={"kl": 3, "ar": 3, "js": 3}, even={"kl": 2.0, "ar": 1.0, "js": 0.3})
    assert orders.no_better_than_even(scores) == [False, True, True]
    placed = scores.model_copy(update={"placement": [0.5, 0.9, 0.9]})
    by_place = orders.model_copy(update={"even": orders.even | {"placement": 0.5}})
    assert by_place.no_better_than_even(placed) == [True, True, True], "the first holds no more than half of all places"
    assert by_place.no_better_than_even(scores) == [False, True, True], "lists of older versions have no placement"
    assert HeadOrders(by="kl", shared={}).no_better_than_even(scores) == [False] * 3
