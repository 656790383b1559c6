"""Building a data set: from manifests to a folder that validates."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vgmed_sources as sources
from PIL import Image

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed import rle
from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.dataset import BuiltDataset, read
from lmms_vg.vgmed.frames import Tally
from lmms_vg.vgmed.validate import problems


def built(out: Path, *manifests: Path, **changes: Any) -> tuple[BuiltDataset, dict[str, Tally]]:
    card, tallies = build(manifests, out, **{"name": "made", "seed": 0, "most": None} | changes)
    made = read(out)
    assert made.card == card
    assert list(problems(made)) == []
    return made, tallies


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_label_maps(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    made, tallies = built(tmp_path / "out", sources.manifest(tmp_path / "a" / "a.yaml"))
    items = list(made.items.values())
    assert [(item.label, item.boxes) for item in items[:4]] == [
        ("liver", [(4, 5, 20, 15)]),
        ("spleen", [(25, 20, 30, 26)]),
        ("liver", [(4, 5, 21, 15)]),
        ("spleen", [(25, 20, 30, 26)]),
    ]
    assert [item.patient for item in items[::2]] == ["images/p0", "images/p1", "images/p2"]
    assert items[0].shows == ["liver", "spleen"]
    labels = np.asarray(Image.open(tmp_path / "a" / "masks" / "p0.png"))
    assert (rle.decode(items[1].mask) == (labels == 2)).all()
    assert tallies["a"].problems == []
    stored = np.asarray(Image.open(made.image_path(items[0])))
    assert (stored == np.asarray(Image.open(tmp_path / "a" / "images" / "p0.png"))).all()


def test_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    sources.manifest(tmp_path / "a" / "a.yaml")
    shutil.copytree(tmp_path / "a", tmp_path / "elsewhere" / "a")
    built(tmp_path / "x", tmp_path / "a" / "a.yaml")
    built(tmp_path / "y", tmp_path / "elsewhere" / "a" / "a.yaml")
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_another_source_changes_no_id(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    sources.label_maps(tmp_path / "b", first=10)
    manifests = [sources.manifest(tmp_path / name / f"{name}.yaml") for name in "ab"]
    alone, _ = built(tmp_path / "x", manifests[0])
    both, _ = built(tmp_path / "y", *manifests)
    assert alone.items.items() <= both.items.items()
    assert len(both.items) == 12


def test_an_image_counts_once_in_a_source_and_across(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    sources.label_maps(tmp_path / "b", n=2, first=2)  # p2 is in both
    for kind in ("images", "masks"):
        shutil.copy(tmp_path / "a" / kind / "p0.png", tmp_path / "a" / kind / "q0.png")
    manifests = [sources.manifest(tmp_path / name / f"{name}.yaml") for name in "ab"]
    made, tallies = built(tmp_path / "out", *manifests)
    assert made.card.counts["images"] == 4
    assert tallies["a"].dropped == {"same image as in a": 1}
    assert tallies["b"].dropped == {"same image as in a": 1}
    assert tallies["b"].problems == ["images/p2.png: the same image as a images/p2.png; only the first is used"]


def test_only_used_images_stay(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a", n=6)
    made, tallies = built(tmp_path / "out", sources.manifest(tmp_path / "a" / "a.yaml"), most=2)
    assert len(made.items) == 2
    assert tallies["a"].dropped == {"balance over modality and body part": 10}
    assert {path.name for path in (tmp_path / "out" / "images").iterdir()} == {
        Path(item.image).name for item in made.items.values()
    }


def test_what_is_broken_is_named_and_the_rest_is_built(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    sources.label_maps(folder, n=7)
    sources.picture(folder / "masks" / "p1.png", np.ones((5, 6), np.uint8))
    (folder / "masks" / "p2.png").write_bytes(b"no picture")
    (folder / "images" / "p3.png").write_bytes(b"no picture")
    sources.picture(folder / "masks" / "p4.png", np.full((30, 40), 9, np.uint8))
    sources.picture(folder / "masks" / "p5.png", np.random.default_rng(0).integers(0, 9, (30, 40, 3), np.uint8))
    made, tallies = built(tmp_path / "out", sources.manifest(folder / "a.yaml"))
    assert [item.origin for item in made.items.values()] == ["images/p0.png"] * 2 + ["images/p6.png"] * 2
    assert tallies["a"].dropped == {
        "mask of another size": 1,
        "mask cannot be read": 2,
        "image cannot be read": 1,
        "label is not in the manifest": 1,
    }
    words = "\n".join(tallies["a"].problems)
    assert f"{folder}/images/p1.png: the image has 40 x 30 pixels, its mask of 'liver' 6 x 5" in words
    assert f"{folder}/masks/p2.png: no picture of a format that masks may have" in words
    assert f"{folder}/images/p3.png: not an image of a format that is read" in words
    assert (
        f"{folder}/masks/p4.png: label 9 is not in the manifest of a, which has 1, 2; add it, or leave it out" in words
    )
    assert f"{folder}/masks/p5.png: a mask in colours" in words
    assert made.card.sources[0].dropped == tallies["a"].dropped


def test_labels_that_are_left_out_on_purpose(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    made, tallies = built(tmp_path / "out", sources.manifest(tmp_path / "a" / "a.yaml", labels={1: "liver", 2: None}))
    assert {item.label for item in made.items.values()} == {"liver"}
    assert tallies["a"].problems == []
    assert tallies["a"].dropped == {"label is left out by the manifest": 3}


def test_a_data_set_is_not_overwritten(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    path = sources.manifest(tmp_path / "a" / "a.yaml")
    built(tmp_path / "out", path)
    with pytest.raises(ValueError, match="holds a data set already"):
        built(tmp_path / "out", path)


def test_nothing_left(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    path = sources.manifest(tmp_path / "a" / "a.yaml", filters={"min_area": 0.9})
    with pytest.raises(DataError, match=r"no item is left: every mask was dropped: .*'component below min_area': 6"):
        built(tmp_path / "out", path)


def test_two_sources_of_one_name(tmp_path: Path) -> None:
    sources.label_maps(tmp_path / "a")
    path = sources.manifest(tmp_path / "a" / "a.yaml")
    with pytest.raises(DataError, match="'a' is in two manifests"):
        built(tmp_path / "out", path, path)


def test_dicom_with_masks(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    folder = tmp_path / "d"
    values = np.full((30, 40), -500)
    values[5:15, 4:20] = 60
    for name, tags in {
        "a": {},
        "b": {"BurnedInAnnotation": "YES"},
        "c": {"WindowCenter": [0, 50], "WindowWidth": [10, 400]},
    }.items():
        sources.dicom(folder / "images" / f"{name}.dcm", values, **tags)
        sources.picture(folder / "masks" / f"{name}.png", (values > 0).astype(np.uint8))
    path = sources.manifest(folder / "d.yaml", images="images/{image}.dcm", window="soft tissue")
    made, tallies = built(tmp_path / "out", path)
    (item,) = made.items.values()  # c has the same pixels as a
    assert item.window == "centre 40, width 400"
    assert item.boxes == [(4, 5, 20, 15)]
    assert "images/b.dcm: it states that text is burned into its pixels" in tallies["d"].problems[0]
    assert "allow it with --allow-burned-in" in tallies["d"].problems[0]
    assert tallies["d"].dropped == {"image cannot be read": 1, "same image as in d": 1}
    for data in content(tmp_path / "out").values():
        assert b"Doe" not in data
        assert b"4711" not in data
    burned, _ = built(tmp_path / "out2", path, allow_burned_in=True)
    assert burned.card.counts["items"] == 1  # all three have the same pixels under this window
    own = sources.manifest(folder / "own.yaml", images="images/{image}.dcm", window=1)
    made, tallies = built(tmp_path / "out3", own)
    assert [item.window for item in made.items.values()] == ["centre 50, width 400 (the file's number 1)"]


def test_real_slices(shared_data: Path, tmp_path: Path) -> None:
    """The boxes of the 30 masks are those that were derived by other code (boxes_xyxy_derived.json)."""
    folder = shared_data / "sam_med2d_demo"
    path = sources.manifest(
        tmp_path / "slices.yaml",
        root=str(folder),
        masks="masks/{image}_{label}_{number}.png",
        labels=None,
        patient="^images/((?:amos|s)_?[0-9]+)",
        filters={"components": "whole", "min_area": 0, "min_patches": 1},
    )
    made, tallies = built(tmp_path / "out", path)
    expected: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    for row in json.loads((folder / "boxes_xyxy_derived.json").read_text()):
        expected.setdefault((row["image"], row["label"]), []).append(tuple(row["bbox"][0]))
    assert {(item.origin, item.label): sorted(item.boxes) for item in made.items.values()} == {
        key: sorted(boxes) for key, boxes in expected.items()
    }
    assert sum(map(len, expected.values())) == 30
    assert {item.patient for item in made.items.values()} == {"amos_0004", "amos_0006", "s0114", "s0619"}
    assert dict(tallies["slices"].dropped) == {}


def test_real_coco_annotations(shared_data: Path, tmp_path: Path) -> None:
    """Boxes of the masks are at most a pixel beside those that COCO states."""
    annotations = json.loads((shared_data / "coco" / "coco_annotations.txt").read_text())
    names = {75: "remote", 63: "couch", 65: "bed", 17: "cat"}
    instances = {
        "images": [{"id": 39769, "file_name": "000000039769.png"}],
        "categories": [{"id": number, "name": name} for number, name in names.items()],
        "annotations": annotations,
    }
    shutil.copy(shared_data / "coco" / "000000039769.png", tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(instances))
    whole = {"components": "whole", "max_share": 1, "min_area": 0, "min_patches": 1}
    fields: dict[str, Any] = {"images": ".", "masks": None, "annotations": "instances.json", "labels": None}
    made, _ = built(tmp_path / "out", sources.manifest(tmp_path / "coco.yaml", **fields, filters=whole))
    ours = {(item.label, box) for item in made.items.values() for box in item.boxes}
    assert len(ours) == len(annotations) == 6
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        stated = np.array([x, y, x + width, y + height])
        same = [box for label, box in ours if label == names[annotation["category_id"]]]
        assert min(np.abs(stated - box).max() for box in same) < 1.01


def test_real_slake(shared_data: Path, tmp_path: Path) -> None:
    """The box of the edema is the one that the sample's rows state."""
    rows = json.loads((shared_data / "slake" / "sample" / "xmlab473_rows.json").read_text())
    stated = {
        tuple(row["template_arguments"]["bbox"]["0"])
        for row in rows
        if "0" in row["template_arguments"].get("bbox", {})
    }
    path = sources.manifest(
        tmp_path / "slake.yaml",
        root=str(shared_data / "slake" / "sample"),
        modality="MR",
        images="{image}.jpg",
        masks="{image}_mask.png",
        labels={95: "brain edema", 140: "brain non-enhancing tumor"},
        filters={"components": "largest", "min_area": 0},
    )
    made, _ = built(tmp_path / "out", path)
    edema = next(item for item in made.items.values() if item.label == "brain edema")
    assert stated == {tuple(map(float, edema.boxes[0]))}
