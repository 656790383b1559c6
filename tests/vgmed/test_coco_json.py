"""COCO JSON: polygons, run lengths of both kinds, crowds, and what pycocotools must not be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vgmed_sources as sources
from pycocotools import mask as coco

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed import coco_json
from lmms_vg.vgmed.frames import Frame, Tally
from lmms_vg.vgmed.manifest import load_manifest

SQUARE = [[5, 5, 15, 5, 15, 20, 5, 20]]


def frames(folder: Path, annotations: list[dict[str, Any]], **changes: Any) -> tuple[list[Frame], Tally]:
    sources.picture(folder / "images" / "a.png", np.zeros((30, 40), np.uint8))
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "remote"}],
        "annotations": [{"id": n, "image_id": 1, "category_id": 7} | entry for n, entry in enumerate(annotations)],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    fields: dict[str, Any] = {"images": "images", "masks": None, "annotations": "instances.json", "labels": None}
    manifest, root = load_manifest(sources.manifest(folder / "m.yaml", **fields | changes))
    tally = Tally()
    units = coco_json.units(root, manifest, tally)
    return [frame for unit in units for frame in coco_json.frames(root, unit, manifest, tally)], tally


def test_all_ways_to_write_a_mask(tmp_path: Path) -> None:
    polygon = coco.merge(coco.frPyObjects(SQUARE, 30, 40))
    expected = coco.decode(polygon).astype(bool)
    flat = expected.ravel(order="F")
    starts = np.flatnonzero(np.diff(np.concatenate([[0], flat, [not flat[-1]]])))
    runs = np.diff(np.concatenate([[0], starts])).tolist()
    compressed = {"size": [30, 40], "counts": polygon["counts"].decode()}
    ways = [SQUARE, compressed, {"size": [30, 40], "counts": runs}]
    (frame,), tally = frames(tmp_path, [{"segmentation": way} for way in ways])
    assert tally.problems == []
    for mask in frame.masks["cat"][1]:
        assert (mask == expected).all()


def test_several_polygons_are_one_instance(tmp_path: Path) -> None:
    (frame,), _ = frames(tmp_path, [{"segmentation": [*SQUARE, [25, 5, 30, 5, 30, 10]]}])
    (mask,) = frame.masks["cat"][1]
    assert mask[10, 10]
    assert mask[6, 29]
    assert not mask[10, 20]


def test_what_has_no_mask_is_counted_and_known_to_be_there(tmp_path: Path) -> None:
    crowd = {"segmentation": SQUARE, "iscrowd": 1, "category_id": 8}
    (frame,), tally = frames(tmp_path, [{"segmentation": SQUARE}, crowd, {"category_id": 8}])
    assert tally.dropped == {"crowd region": 1, "annotation has no mask": 1}
    assert frame.shows == {"cat", "remote"}
    assert list(frame.masks) == ["cat"]


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([], "no polygon"),
        ([[1, 1, 2, 2]], "at least three points"),
        ([[1, 1, 2, 2, 3, 3, 4]], "at least three points"),
        ([[1, 1, 2, 2, 3, "x"]], "no number"),
        ([[1, 1, 2, 2, 3, float("nan")]], "leaves its image"),
        ([[1, 1, 2, 2, 3, 1e9]], "leaves its image"),
        ("text", "allowed are a list of polygons"),
        ({"size": [30, 40], "counts": "abc"}, "middle of a number"),
        ({"size": [30, 40], "counts": [1, 2]}, "add up to 3 pixels"),
        ({"size": [30, 40], "counts": [-1, 1201]}, "whole numbers from 0"),
        ({"size": [30, 40], "counts": None}, "allowed are counts"),
        ({"size": 3, "counts": [3]}, "allowed are counts"),
    ],
)
def test_broken_segmentations_are_named_and_the_others_stay(tmp_path: Path, segmentation: Any, reason: str) -> None:
    (frame,), tally = frames(tmp_path, [{"segmentation": segmentation}, {"segmentation": SQUARE}])
    assert len(frame.masks["cat"][1]) == 1
    assert tally.dropped == {"mask cannot be read": 1}
    assert tally.problems[0].startswith("instances.json, annotation 0: ")
    assert reason in tally.problems[0]


def test_run_lengths_of_another_size(tmp_path: Path) -> None:
    other = {"size": [3, 4], "counts": [2, 10]}
    (frame,), tally = frames(tmp_path, [{"segmentation": other}])
    assert frame.masks == {}
    assert "the image has 40 x 30 pixels, its mask of 'cat' 4 x 3" in tally.problems[0]


def test_a_category_that_the_manifest_lacks(tmp_path: Path) -> None:
    (frame,), tally = frames(tmp_path, [{"segmentation": SQUARE}, {"category_id": 8}], labels={"cat": "cat"})
    assert list(frame.masks) == ["cat"]
    assert "label 'remote' is not in the manifest" in tally.problems[0]


def test_an_image_outside_of_the_folder(tmp_path: Path) -> None:
    frames(tmp_path, [{"segmentation": SQUARE}])
    content = json.loads((tmp_path / "instances.json").read_text())
    content["images"][0]["file_name"] = "../../secret.png"
    (tmp_path / "instances.json").write_text(json.dumps(content))
    manifest, root = load_manifest(tmp_path / "m.yaml")
    tally = Tally()
    assert [list(coco_json.frames(root, unit, manifest, tally)) for unit in coco_json.units(root, manifest, tally)] == [
        []
    ]
    assert "leads out of its data set's folder" in tally.problems[0]


def test_a_file_that_is_no_coco_json(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"images": []}')
    with pytest.raises(DataError, match=r"x.json: categories: Field required"):
        coco_json.read(tmp_path / "x.json")


def test_images_without_annotations_are_counted(tmp_path: Path) -> None:
    frames(tmp_path, [{"segmentation": SQUARE}])
    content = json.loads((tmp_path / "instances.json").read_text())
    content["images"] += [{"id": n, "file_name": f"b{n}.png"} for n in range(2, 7)]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    manifest, root = load_manifest(tmp_path / "m.yaml")
    tally = Tally()
    assert [unit.image.file_name for unit in coco_json.units(root, manifest, tally)] == ["a.png"]
    assert tally.problems == ["instances.json: 5 images have no annotation: b2.png, b3.png, b4.png, ..."]
