"""Images and masks are matched by the patterns of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import vgmed_sources as sources

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.files import find, patient_of
from lmms_vg.vgmed.manifest import load_manifest


def found(folder: Path, paths: list[str], **changes: Any) -> tuple[dict[str, list[tuple[str, str | None]]], list[str]]:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    manifest, root = load_manifest(sources.manifest(folder / "m.yaml", **changes))
    files, left_over = find(root, manifest)
    return {entry.image: [tuple(mask) for mask in entry.masks] for entry in files}, left_over


def test_labels_with_the_separator_in_them(tmp_path: Path) -> None:
    paths = ["images/s1.png", "images/s1_2.png", "masks/s1_left_kidney_000.png", "masks/s1_2_left_kidney_001.png"]
    files, left_over = found(tmp_path, paths, masks="masks/{image}_{label}_{number}.png", labels=None)
    assert files == {
        "images/s1.png": [("masks/s1_left_kidney_000.png", "left_kidney")],
        "images/s1_2.png": [("masks/s1_2_left_kidney_001.png", "left_kidney")],
    }
    assert left_over == []


def test_a_folder_per_label_and_folders_in_the_images_name(tmp_path: Path) -> None:
    paths = ["a/1/x.jpg", "a/2/x.jpg", "liver/a/1/x.png", "spleen/a/2/x.png"]
    files, _ = found(tmp_path, paths, images="{image}.jpg", masks="{label}/{image}.png", labels=None)
    assert files == {
        "a/1/x.jpg": [("liver/a/1/x.png", "liver")],
        "a/2/x.jpg": [("spleen/a/2/x.png", "spleen")],
    }


def test_masks_beside_their_images(tmp_path: Path) -> None:
    paths = ["benign (1).png", "benign (1)_mask.png", "normal (1).png"]
    files, left_over = found(tmp_path, paths, images="{image}.png", masks="{image}_mask.png")
    assert files == {"benign (1).png": [("benign (1)_mask.png", None)]}
    assert left_over == [
        f"{tmp_path}: 1 images have no mask by the manifest's masks: '{{image}}_mask.png': normal (1).png"
    ]


def test_what_is_left_over(tmp_path: Path) -> None:
    files, left_over = found(tmp_path, ["images/a.png", "images/b.png", "masks/a.png", "masks/c.png", "masks/note.txt"])
    assert list(files) == ["images/a.png"]
    assert left_over[0].endswith(": images/b.png")
    assert left_over[1].endswith("masks have no image by the manifest's images: 'images/{image}.png': masks/c.png")


def test_no_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file matches images"):
        found(tmp_path, ["a.png"])


@pytest.mark.parametrize(
    ("path", "expression", "patient"),
    [
        ("images/a_1.png", "", "images/a_1"),
        ("x/ct.nii.gz", "", "x/ct"),
        ("images/amos_0004_75.png", r"(amos_\d+)_", "amos_0004"),
        ("images/other.png", r"(amos_\d+)_", None),
    ],
)
def test_patients(path: str, expression: str, patient: str | None) -> None:
    assert patient_of(path, expression) == patient
