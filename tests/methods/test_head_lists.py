"""Head lists as files: a written list can be read, and leaks are reported."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lmms_vg.datasets.leaks import leaks, sources
from lmms_vg.methods.head_lists import (
    Bootstrap,
    HeadList,
    HeadOrders,
    HeadScores,
    Stability,
    leaking,
    load,
    shipped,
)

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


def test_shipped_lists_are_found_by_name() -> None:
    assert load("demo") == shipped()["demo"]
    assert shipped()["huatuo_vision_7b"].scores is None
    with pytest.raises(ValueError, match=r"heads='unheard_of'.*shipped lists: demo, huatuo"):
        load("unheard_of")


@pytest.mark.parametrize(
    ("changes", "said"), [({"extra": 1}, "extra"), ({"scores": {"kl": [1]}}, "scores.ar"), ({"leaks": 1}, "leaks")]
)
def test_files_that_are_no_head_lists(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(MADE.model_dump(mode="json") | changes))
    with pytest.raises(ValueError, match=said):
        load(str(path))


def test_the_published_list_leaks_into_all_that_its_sources_name() -> None:
    """Calibrated on VGMED or COCO, they differ. VGMED contains SLAKE images, as does HuatuoGPT-Vision's evaluation file."""
    published = shipped()["huatuo_vision_7b"]
    named = leaks(["vgmed:AMOS2022/a.png", "vgmed:Slake/imgs/xmlab1/source.jpg", "coco:COCO_val2014_000000000042.jpg"])
    assert published.leaks == named
    for source in ("Sec. 3", "Sec. 4.1", "README", "COCO", "VGMED"):
        assert source in published.source
    for asked in ("vgmed:AMOS2022/a.png", "slake:xmlab1/source.jpg"):
        assert leaking(published.leaks, sources([asked]))
    for asked in ("vqa_rad:synpic1.jpg", "path_vqa:a", "pmc_vqa:b", "omnimedvqa:c", "demo:standard/100000"):
        assert not leaking(published.leaks, sources([asked]))


def test_leaking() -> None:
    assert leaking(MADE.leaks, ["slake", "vqa_rad"]) == {"slake"}
    assert leaking(("vgmed",), ["slake"]) == set()
    assert leaking((), ["slake"]) == set()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 200_000, rb'{"models": ["\ud800"]}', b""])
def test_files_that_are_no_json_are_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"heads='.*a\.json'"):
        load(str(tmp_path / "a.json"))


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
