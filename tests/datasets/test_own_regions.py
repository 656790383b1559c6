"""Regions of own questions: masks become boxes that cover exactly their pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import IMAGE, ROW, write
from PIL import Image, ImageFile
from pycocotools import mask as coco

from lmms_vg.datasets.own_regions import region_of
from lmms_vg.datasets.own_rows import OwnRow
from lmms_vg.datasets.source import DataError

MASK = np.zeros((30, 40), dtype=bool)
MASK[5:9, 3:10] = MASK[8:20, 6:30] = True


def row(**keys: Any) -> OwnRow:
    return OwnRow(**{"image": IMAGE, "question": "?"} | keys)


def painted(boxes: list[list[float]]) -> np.ndarray:
    """How many boxes cover each pixel."""
    counts = np.zeros(MASK.shape, int)
    for x1, y1, x2, y2 in np.array(boxes).astype(int):
        counts[y1:y2, x1:x2] += 1
    return counts


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16"])
def test_every_value_but_0_is_region(tmp_path: Path, mode: str) -> None:
    write(tmp_path, ROW)
    values = MASK.astype(np.uint16 if mode == "I;16" else np.uint8) * (700 if mode == "I;16" else 3)
    picture = Image.fromarray(MASK) if mode == "1" else Image.fromarray(values)
    if mode == "P":
        picture.putpalette([0] * 768)  # all labels in one colour: the numbers count
    (picture.convert("RGB") if mode == "RGB" else picture).save(tmp_path / "m.png")
    assert (painted(region_of(row(mask="m.png"), tmp_path)) == MASK).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_no_region(tmp_path: Path, mode: str) -> None:
    """An editor may have kept white under a background that is erased."""
    write(tmp_path, ROW)
    pixels = np.full((*MASK.shape, 4), 255, np.uint8)
    pixels[..., 3] *= MASK
    picture = Image.fromarray(pixels)
    if mode == "P":
        picture = Image.fromarray(MASK.astype(np.uint8))
        picture.putpalette([255, 255, 255] * 2)
        picture.info["transparency"] = 0
    (picture.convert("LA") if mode == "LA" else picture).save(tmp_path / "m.png")
    assert (painted(region_of(row(mask="m.png"), tmp_path)) == MASK).all()


def test_values_below_1_are_region(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    Image.fromarray(MASK.astype(np.float32) * 0.4).save(tmp_path / "m.tif")
    assert (painted(region_of(row(mask="m.tif"), tmp_path)) == MASK).all()


def test_a_palette_that_contradicts_its_numbers_is_refused(tmp_path: Path) -> None:
    """A black background may have any number in a palette that a program has made of colours."""
    write(tmp_path, ROW)
    picture = Image.fromarray(1 - MASK.astype(np.uint8))
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(tmp_path / "m.png")
    with pytest.raises(DataError, match=r"m\.png: 0 in its palette is not black") as refused:
        region_of(row(mask="m.png"), tmp_path)
    assert "damaged" not in str(refused.value)


def test_a_mask_that_is_cut_off_marks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as lmms-eval sets it
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)).save(tmp_path / "m.png")
    write(tmp_path, ROW)
    whole = (tmp_path / "m.png").read_bytes()
    (tmp_path / "m.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"mask: .*m.png: truncated or damaged"):
        region_of(row(mask="m.png"), tmp_path)


def test_run_lengths_of_coco_in_both_forms(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    text = coco.encode(np.asfortranarray(MASK.astype(np.uint8)))
    flat = MASK.ravel(order="F").astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *ends, flat.size]).tolist()
    for counts in (text["counts"].decode(), runs):
        assert (painted(region_of(row(mask={"size": [30, 40], "counts": counts}), tmp_path)) == MASK).all()


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("gone.png", r"gone.png: there is no such file"),
        ("small.png", r"small.png has 20 x 15 pixels, but its image .* has 40 x 30 pixels"),
        ("empty.png", "it is empty"),
        ({"size": [40, 30], "counts": [1200]}, "it has 30 x 40 pixels, but its image has 40 x 30 pixels"),
        ({"size": [30, 40], "counts": [3, 4]}, "its counts do not add up to its 1,200 pixels"),
        ({"size": [30, 40], "counts": [-1, 1201]}, "do not add up"),
        (
            {"size": [30, 40], "counts": coco.encode(np.zeros((3, 4), np.uint8, order="F"))["counts"].decode()},
            "do not add up",
        ),
        ({"size": [30, 40], "counts": "~~"}, "its counts are no run lengths of COCO"),
        ({"size": "30x40", "counts": []}, "allowed is the path of a PNG"),
        ({"counts": []}, r"\{'counts': \[\]\}: allowed is the path of a PNG"),
    ],
)
def test_masks_that_mark_no_region_of_their_image_are_refused(tmp_path: Path, mask: Any, said: str) -> None:
    write(tmp_path, ROW)
    Image.fromarray(MASK[::2, ::2]).save(tmp_path / "small.png")
    Image.fromarray(MASK & False).save(tmp_path / "empty.png")
    with pytest.raises(DataError, match=f"mask: .*{said}"):
        region_of(row(mask=mask), tmp_path)


def test_a_volume_and_its_mask_meet_whatever_their_affines(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    write(tmp_path, ROW)
    marked = np.zeros((4, 5, 6), np.uint8)
    marked[2:, 3:, 1] = 1
    nibabel.save(nibabel.Nifti1Image(marked * 100.0, np.eye(4)), tmp_path / "v.nii.gz")
    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = 3
    nibabel.save(nibabel.Nifti1Image(marked[::-1], flipped), tmp_path / "m.nii.gz")
    stated = {"image": "v.nii.gz", "mask": "m.nii.gz", "plane": "axial", "slice": 1}
    assert region_of(row(**stated), tmp_path) == [[0.0, 0.0, 2.0, 2.0]]  # the patient's right and front are top left
    nibabel.save(nibabel.Nifti1Image(marked[::-1], np.eye(4) * [2, 1, 1, 1]), tmp_path / "m.nii.gz")
    with pytest.raises(DataError, match=r"v.nii.gz .* and m.nii.gz .* are on different grids"):
        region_of(row(**stated), tmp_path)
    with pytest.raises(DataError, match=r"m.nii.gz is a volume, but its image"):
        region_of(row(mask="m.nii.gz", plane="axial", slice=1), tmp_path)
