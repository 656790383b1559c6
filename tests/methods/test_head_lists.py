"""Shipped head lists and files of one's own: which are read, and what they leak into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmms_vg.datasets.leaks import leaks, sources
from lmms_vg.methods.head_lists import leaking, load, shipped


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
    path.write_text(json.dumps(shipped()["demo"].model_dump(mode="json") | changes))
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
    assert leaking(["demo", "slake"], ["slake", "vqa_rad"]) == {"slake"}
    assert leaking(("vgmed",), ["slake"]) == set()
    assert leaking((), ["slake"]) == set()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 200_000, rb'{"models": ["\ud800"]}', b""])
def test_files_that_are_no_json_are_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"heads='.*a\.json'"):
        load(str(tmp_path / "a.json"))
