"""The data sets that images belong to: by URI, by the folder of a file, and by VGMED's sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from lmms_vg.datasets.leaks import leaks, sources
from lmms_vg.experiments.boxed_questions import annotated
from lmms_vg.methods.head_lists import leaking


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (["coco:COCO_val2014_000000000042.jpg"], ["vgmed_coco"]),
        (["vgmed:AMOS2022/a.png", "vgmed:Slake_like/b.png"], ["vgmed"]),
        (["vgmed:AMOS2022/a.png", "vgmed:Slake/imgs/xmlab1/source.jpg"], ["medical_eval", "slake", "vgmed"]),
        (["demo:standard/100000"], ["demo"]),
        (["demo:hard/200000"], ["demo"]),
        (["demo:standard/300000", "demo:standard/300074"], []),
        (["path_vqa:a", "mmmu:b"], ["medical_eval", "mmmu", "path_vqa"]),
        (
            ["medical_eval:images/a.jpg"],
            ["medical_eval", "mmmu", "omnimedvqa", "path_vqa", "pmc_vqa", "slake", "vqa_rad"],
        ),
        ([], []),
    ],
)
def test_uris(images: list[str], found: list[str]) -> None:
    assert leaks(images) == found


def test_images_asked_about_are_of_their_own_data_set_only() -> None:
    """Heads ranked on SLAKE leak into the file that holds SLAKE, but not into VQA-RAD, another part of that file."""
    assert sources(["slake:a"]) == {"slake"}
    assert sources(["vgmed:Slake/b.png", "vqa_rad:c"]) == {"vgmed", "slake", "vqa_rad"}
    ranked_on = leaks(["slake:a"])
    asked = {name: bool(leaking(ranked_on, sources([f"{name}:a"]))) for name in ("slake", "medical_eval", "vqa_rad")}
    assert asked == {"slake": True, "medical_eval": True, "vqa_rad": False}
    assert leaking(leaks(["medical_eval:a"]), sources(["vqa_rad:a"])) == {"vqa_rad"}


def test_demo_sets() -> None:
    assert annotated("demo", 300, 0).leaks == []
    assert annotated("vgmed_demo", 4, 0).leaks == ["demo"]


def test_vgmed_as_its_files_have_it(data: Path) -> None:
    """Only the sampled rows count."""
    row = {"image": "AMOS2022/a.png", "question": "Where is the liver?", "bbox": [[4, 4, 20, 20]]}
    rows = [row, row | {"image": "Slake/imgs/xmlab1/source.jpg"}]
    for image in (one["image"] for one in rows):
        (data / "vgmed" / image).parent.mkdir(parents=True)
        tiny.picture().save(data / "vgmed" / image)
    path = data / "vgmed" / "VGMED_localization.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert annotated("vgmed", 2, 0).leaks == ["medical_eval", "slake", "vgmed"]
    drawn = {seed: annotated("vgmed", 1, seed) for seed in range(6)}
    for sample in drawn.values():
        slake = sample.questions[0].uid.endswith("/2")
        assert sample.leaks == (["medical_eval", "slake", "vgmed"] if slake else ["vgmed"])
    assert len({tuple(sample.leaks) for sample in drawn.values()}) == 2


def own(monkeypatch: pytest.MonkeyPatch, folder: Path, *images: str) -> list[str]:
    """URIs of images beside a file of own questions in a folder."""
    (folder / "mine.jsonl").touch()
    monkeypatch.setenv("LMMS_VG_OWN", str(folder / "mine.jsonl"))
    return [f"own:mine/{image}" for image in images]


def test_files_are_told_by_the_data_set_they_lie_in(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "own"
    mine.mkdir()
    for name in ("slake/imgs/xmlab1/source.jpg", "coco/val2014/a.jpg", "vgmed/Slake/b.jpg"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    (mine / "a.jpg").touch()
    (mine / "link.jpg").symlink_to(data / "slake/imgs/xmlab1/source.jpg")
    (mine / "folder").symlink_to(data / "vgmed")
    assert leaks(own(monkeypatch, mine, "a.jpg")) == []
    assert leaks(own(monkeypatch, data / "coco", "val2014/a.jpg")) == []
    assert leaks(own(monkeypatch, mine, "a.jpg", "link.jpg")) == ["medical_eval", "slake"]
    assert leaks(own(monkeypatch, mine, "folder/Slake/b.jpg")) == ["medical_eval", "slake", "vgmed"]
    assert leaks(own(monkeypatch, data / "slake", "imgs/xmlab1/source.jpg")) == ["medical_eval", "slake"]


def test_files_without_a_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_DATA", raising=False)
    assert leaks(own(monkeypatch, tmp_path, "slake/a.jpg")) == []
