"""Slices of volumes: however a file stores them, the box lies on the organ that is shown."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vgmed_sources as sources
from hypothesis import given, settings
from hypothesis import strategies as st

from lmms_vg.vgmed import volumes
from lmms_vg.vgmed.components import mask_boxes
from lmms_vg.vgmed.files import find
from lmms_vg.vgmed.frames import Frame, Tally
from lmms_vg.vgmed.manifest import Filters, load_manifest
from lmms_vg.vgmed.volumes import chosen

nibabel = pytest.importorskip("nibabel")

SHAPE = (12, 16, 10)  # right, front, head
STRAIGHT = np.diag([2.0, 1.0, 3.0, 1.0])


def body() -> tuple[np.ndarray, np.ndarray]:
    """A dark volume with a bright organ in its right front, which is largest in slice 6 from the foot, and its mask."""
    values, labels = np.full(SHAPE, -500, np.int16), np.zeros(SHAPE, np.uint8)
    labels[7:11, 9:14, 6] = 1
    labels[8:10, 10:13, 4:8] = 1
    values[labels == 1] = 100
    return values, labels


def stored(values: np.ndarray, axes: tuple[int, ...], flips: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same volume stored in another way, with the affine that says so."""
    turned = np.transpose(values, axes)
    affine = STRAIGHT[:, [*axes, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            affine[:3, 3] += affine[:3, axis] * (turned.shape[axis] - 1)
            affine[:3, axis] *= -1
    return np.ascontiguousarray(turned), affine


def frames(folder: Path, **changes: Any) -> tuple[list[Frame], Tally]:
    fields: dict[str, Any] = {"images": "{image}/ct.nii", "masks": "{image}/labels.nii", "labels": {1: "liver"}}
    path = sources.manifest(folder / "m.yaml", **fields | changes)
    manifest, root = load_manifest(path)
    tally = Tally()
    found, _ = find(root, manifest)
    return [frame for files in found for frame in volumes.frames(root, files, manifest, tally)], tally


WAYS = list(product(permutations(range(3)), product((False, True), repeat=3)))


@settings(max_examples=20)
@given(image_way=st.sampled_from(WAYS), mask_way=st.sampled_from(WAYS))
def test_the_box_is_on_the_organ_however_both_are_stored(
    tmp_path_factory: pytest.TempPathFactory, image_way: Any, mask_way: Any
) -> None:
    folder = tmp_path_factory.mktemp("volumes")
    values, labels = body()
    sources.volume(folder / "a" / "ct.nii", *stored(values, *image_way))
    sources.volume(folder / "a" / "labels.nii", *stored(labels, *mask_way))
    found, tally = frames(folder, planes=["axial", "coronal", "sagittal"])
    assert tally.problems == []
    boxes = {}
    for frame in found:
        _, (mask,) = frame.masks["liver"]
        assert ((np.asarray(frame.image) > 0) == mask).all()  # the organ is all that is not black
        boxes[frame.plane] = mask_boxes([mask], Filters(min_area=0, min_patches=1)).boxes
    assert boxes == {"axial": [(1, 2, 5, 7)], "coronal": [(1, 2, 5, 6)], "sagittal": [(2, 2, 7, 6)]}


def test_the_box_is_where_a_radiologist_expects_it(tmp_path: Path) -> None:
    """The organ lies right, in front: in an axial slice, that is up and to the left."""
    values, labels = body()
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels, STRAIGHT)
    (frame,), _ = frames(tmp_path)
    assert (frame.plane, frame.slice) == ("axial", 6)
    # Of 12 columns from the right (index 11), 7 to 10 are columns 1 to 4; of 16 rows from the front, 9 to 13 are rows 2 to 6.
    assert mask_boxes(frame.masks["liver"][1], Filters(min_patches=1)).boxes == [(1, 2, 5, 7)]


@pytest.mark.parametrize(("degrees", "refused"), [(4.0, False), (6.0, True), (30.0, True)])
def test_oblique(tmp_path: Path, degrees: float, refused: bool) -> None:
    turn = np.eye(4)
    angle = np.radians(degrees)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    values, labels = body()
    for name, content in (("ct", values), ("labels", labels)):
        sources.volume(tmp_path / "a" / f"{name}.nii", content, turn @ STRAIGHT)
    found, tally = frames(tmp_path)
    assert len(found) == (0 if refused else 1)
    if refused:
        assert tally.dropped == {"image cannot be read": 1}
        assert f"tilted by {degrees:.1f} degrees" in tally.problems[0]


def test_grids_that_differ(tmp_path: Path) -> None:
    values, labels = body()
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels[:-1], STRAIGHT)
    found, tally = frames(tmp_path)
    assert found == []
    assert "ct.nii (12, 16, 10) and labels.nii (11, 16, 10) are on different grids" in tally.problems[0]


def test_a_file_per_label(tmp_path: Path) -> None:
    values, labels = body()
    other = np.zeros(SHAPE, np.uint8)
    other[1:4, 1:4, 2] = 1
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "seg" / "liver.nii", labels, STRAIGHT)
    sources.volume(tmp_path / "a" / "seg" / "left_kidney.nii", other, STRAIGHT)
    found, tally = frames(tmp_path, masks="{image}/seg/{label}.nii", labels=None)
    assert tally.problems == []
    assert [(frame.slice, sorted(frame.masks)) for frame in found] == [(2, ["left kidney"]), (6, ["liver"])]


def test_slices_also_tell_what_was_not_chosen(tmp_path: Path) -> None:
    values, labels = body()
    labels[1:3, 1:3, 4:7] = 2  # is largest in slice 4, the first of equals, and shows in 6, too
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels, STRAIGHT)
    found, _ = frames(tmp_path, labels={1: "liver", 2: "spleen"})
    assert [(frame.slice, sorted(frame.masks), sorted(frame.shows)) for frame in found] == [
        (4, ["spleen"], ["liver", "spleen"]),
        (6, ["liver"], ["liver", "spleen"]),
    ]


def test_windows_of_ct_follow_the_body_part(tmp_path: Path) -> None:
    values, labels = body()
    labels[1:3, 1:3, 6] = 2
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels, STRAIGHT)
    lung = {"name": "lung", "body_part": "Thorax"}
    found, _ = frames(tmp_path, labels={1: "liver", 2: lung})
    assert {frame.window: sorted(frame.masks) for frame in found} == {
        "centre -600, width 1500": ["lung"],
        "centre 40, width 400": ["liver"],
    }


def test_other_modalities_have_percentiles_of_the_volume(tmp_path: Path) -> None:
    values, labels = body()
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels, STRAIGHT)
    (frame,), _ = frames(tmp_path, modality="MR")
    low, high = np.percentile(values.astype(np.float32), (0.5, 99.5))
    assert frame.window.startswith(f"centre {(low + high) / 2:g}, width {high - low:g} (percentiles")


def test_a_label_map_with_fractions(tmp_path: Path) -> None:
    values, labels = body()
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels * np.float32(0.5), STRAIGHT)
    found, tally = frames(tmp_path)
    assert found == []
    assert "0.5 in a label map" in tally.problems[0]


def test_a_label_that_the_manifest_lacks(tmp_path: Path) -> None:
    values, labels = body()
    labels[0, 0, :] = 9
    sources.volume(tmp_path / "a" / "ct.nii", values, STRAIGHT)
    sources.volume(tmp_path / "a" / "labels.nii", labels, STRAIGHT)
    found, tally = frames(tmp_path)
    assert [sorted(frame.masks) for frame in found] == [["liver"]]
    assert "labels.nii: label 9 is not in the manifest of m, which has 1" in tally.problems[0]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(1, 4))
def test_chosen_slices(numbers: list[int], n: int) -> None:
    counts = np.array(numbers)
    shown = [index for index, number in enumerate(numbers) if number]
    assert chosen(counts, "all") == shown
    assert chosen(counts, f"every:{n}") == [index for index in shown if index % n == 0]
    largest = [numbers.index(max(numbers))] if shown else []
    assert chosen(counts, "largest") == largest
