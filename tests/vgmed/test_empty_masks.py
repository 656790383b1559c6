"""Empty masks in a whole build. Many sources have a file for every label on every image, most of them empty."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import vgmed_sources as sources

from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.dataset import BuiltDataset, read
from lmms_vg.vgmed.localization import absent

ORGAN, EMPTY = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8)
ORGAN[5:15, 4:20] = 255
PICTURES = [np.full((30, 40), 10 * n, np.uint8) for n in range(4)]


def built(manifest: Path, out: Path) -> tuple[BuiltDataset, dict[str, int], list[str]]:
    _, tallies = build([manifest], out, name="made", seed=0, most=None)
    (tally,) = tallies.values()
    return read(out), dict(tally.dropped), tally.problems


@pytest.fixture
def per_label(tmp_path: Path) -> Path:
    """p0 shows a liver, p1 a spleen; p2 shows nothing; on p3 the spleen's mask is broken."""
    for number, pixels in enumerate(PICTURES):
        sources.picture(tmp_path / "images" / f"p{number}.png", pixels)
        for label, shown in (("liver", (0, 3)), ("spleen", (1,))):
            mask = ORGAN if number in shown else EMPTY
            sources.picture(tmp_path / "masks" / f"p{number}_{label}.png", mask)
    (tmp_path / "masks" / "p3_spleen.png").write_bytes(b"no picture")
    return sources.manifest(tmp_path / "a.yaml", masks="masks/{image}_{label}.png", labels=None, exhaustive=True)


def test_an_empty_mask_makes_no_item_and_shows_nothing(per_label: Path, tmp_path: Path) -> None:
    made, dropped, problems = built(per_label, tmp_path / "out")
    assert {item.origin: (item.label, item.shows) for item in made.items.values()} == {
        "images/p0.png": ("liver", ["liver"]),
        "images/p1.png": ("spleen", ["spleen"]),
        "images/p3.png": ("liver", ["liver", "spleen"]),  # nobody knows, so it is not called absent
    }
    assert dropped == {"empty mask": 4, "mask cannot be read": 1}
    assert len(problems) == 1


def test_a_label_with_an_empty_mask_is_absent(per_label: Path, tmp_path: Path) -> None:
    made, _, _ = built(per_label, tmp_path / "out")
    asked = absent(made.items.values(), frozenset({"a"}), k=1, seed=0)
    assert {(made.items[question.item].origin, question.label) for question in asked} == {
        ("images/p0.png", "spleen"),
        ("images/p1.png", "liver"),
    }


def test_of_two_instances_one_may_be_empty(tmp_path: Path) -> None:
    sources.picture(tmp_path / "images" / "p0.png", PICTURES[0])
    sources.picture(tmp_path / "masks" / "p0_liver_1.png", ORGAN)
    sources.picture(tmp_path / "masks" / "p0_liver_2.png", EMPTY)
    made, dropped, _ = built(
        sources.manifest(tmp_path / "a.yaml", masks="masks/{image}_{label}_{number}.png", labels=None), tmp_path / "out"
    )
    (item,) = made.items.values()
    assert (item.boxes, item.shows) == ([(4, 5, 20, 15)], ["liver"])
    assert dropped == {"empty mask": 1}


def test_a_label_map_of_nothing_is_counted(tmp_path: Path) -> None:
    sources.label_maps(tmp_path, n=2)
    sources.picture(tmp_path / "masks" / "p1.png", EMPTY)
    made, dropped, _ = built(sources.manifest(tmp_path / "a.yaml"), tmp_path / "out")
    assert {item.origin for item in made.items.values()} == {"images/p0.png"}
    assert dropped == {"empty mask": 1}


def test_an_annotation_of_no_pixel_is_counted(tmp_path: Path) -> None:
    sources.picture(tmp_path / "images" / "p0.png", PICTURES[1])
    runs = {"size": [30, 40], "counts": [1200]}, {"size": [30, 40], "counts": [100, 200, 900]}
    annotations = [
        {"id": n, "image_id": 1, "category_id": n + 1, "segmentation": counts} for n, counts in enumerate(runs)
    ]
    content = {
        "images": [{"id": 1, "file_name": "p0.png", "width": 40, "height": 30}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "liver"}, {"id": 2, "name": "spleen"}],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    manifest = sources.manifest(
        tmp_path / "a.yaml", images="images", masks=None, labels=None, annotations="instances.json"
    )
    made, dropped, _ = built(manifest, tmp_path / "out")
    (item,) = made.items.values()
    assert (item.label, item.shows) == ("spleen", ["liver", "spleen"]), "the annotation says that a liver is there"
    assert dropped == {"empty mask": 1}


def test_a_volume_without_any_label_is_counted(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    values = np.zeros((8, 9, 6), np.int16)
    values[2:6, 2:6, 3] = 1
    for name, masks in (("full", values), ("bare", values * 0)):
        image = np.arange(432, dtype=np.int16).reshape(8, 9, 6)
        sources.volume(tmp_path / name / "ct.nii.gz", image, np.eye(4))
        sources.volume(tmp_path / name / "seg.nii.gz", masks, np.eye(4))
    manifest = sources.manifest(tmp_path / "a.yaml", images="{image}/ct.nii.gz", masks="{image}/seg.nii.gz")
    made, dropped, _ = built(manifest, tmp_path / "out")
    assert {item.origin for item in made.items.values()} == {"full/ct.nii.gz"}
    assert dropped == {"empty mask": 1}
