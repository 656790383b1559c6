"""Images of own questions: pictures, and slices of scans as their rows state them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import IMAGE, ROW, write

from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.own_images import OWN_ENV, name_of, open_view, own_files, uri_of
from lmms_vg.datasets.own_rows import OwnRow
from lmms_vg.datasets.source import DataError


def row(**keys: Any) -> OwnRow:
    return OwnRow(**{"image": IMAGE, "question": "?"} | keys)


def test_a_picture_opens_by_its_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_ENV, str(write(tmp_path, ROW)))
    uri = uri_of("mine", row())
    assert uri == f"own:mine/{IMAGE}"
    assert (open_image(uri).size, open_image(uri).mode) == ((40, 30), "RGB")


def test_files_are_named_like_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path, ROW), write(tmp_path, ROW, name="my other.file.jsonl")
    monkeypatch.setenv(OWN_ENV, f"{first}:{second}:")
    assert own_files() == {"mine": first, "my_other_file": second}


def test_files_that_are_not_there_or_share_a_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").mkdir()
    first, second = write(tmp_path, ROW), write(tmp_path / "b", ROW)
    monkeypatch.setenv(OWN_ENV, f"{first}:{second}")
    with pytest.raises(DataError, match="would both be own_mine"):
        own_files()
    monkeypatch.setenv(OWN_ENV, f"{first}:{tmp_path}/c.jsonl")
    with pytest.raises(DataError, match=r"c.jsonl: there is no such file"):
        own_files()


def test_names_are_words() -> None:
    assert [name_of(Path(name)) for name in ("mine.jsonl", "肝 1.jsonl", "a-b.c.jsonl", "--.jsonl")] == [
        "mine",
        "肝_1",
        "a_b_c",
        "file",
    ]


@pytest.mark.parametrize("image", ["gone.png", "long" * 200])
def test_a_missing_image_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    monkeypatch.setenv(OWN_ENV, str(write(tmp_path, ROW)))
    with pytest.raises(DataError, match=f"{image[:50]}.*: there is no such image"):
        open_image(f"own:mine/{image}")


def test_a_uri_does_not_lead_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_ENV, str(write(tmp_path, ROW)))
    for uri, said in (("own:mine/../a.png", "leads out"), ("own:other/a.png", "names no file other.jsonl")):
        with pytest.raises(DataError, match=said):
            open_image(uri)


def test_keys_of_scans_say_nothing_about_pictures(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    with pytest.raises(DataError, match="slice is not used for plain pictures"):
        open_view(tmp_path / IMAGE, {"slice": 3})


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume whose first axis goes to the left: one bright voxel at the patient's right, front and head."""
    nibabel = pytest.importorskip("nibabel")
    values = np.zeros((4, 5, 6), np.int16)
    values[0, 4, 5] = 1000
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1, 1, 1, 1])), tmp_path / "v.nii.gz")
    return tmp_path / "v.nii.gz"


def test_a_slice_of_a_volume_is_shown_by_its_affine(
    tmp_path: Path, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OWN_ENV, str(write(tmp_path, ROW)))
    uri = uri_of("mine", row(image="v.nii.gz", plane="axial", slice=5, window=[500, 1000], orientation="LAS"))
    pixels = np.asarray(open_image(uri))
    assert pixels.shape == (5, 4, 3)
    assert pixels[0, 0].tolist() == [255, 255, 255], "top: front; left: the patient's right"
    assert pixels.sum() == 3 * 255


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({}, 'a volume needs "plane"'),
        ({"plane": "axial"}, 'a volume needs "plane"'),
        ({"plane": "axial", "slice": 6}, "its axial slices are 0 to 5"),
        ({"plane": "axial", "slice": 1, "frame": 0}, "frame is not used for NIfTI"),
        ({"plane": "axial", "slice": 1, "window": 0}, "a NIfTI file has no windows of its own"),
        ({"plane": "axial", "slice": 1, "orientation": "RAS"}, "its header says LAS"),
    ],
)
def test_what_is_said_of_a_volume_that_is_not_stated_well(volume: Path, view: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=f"v.nii.gz: (?!v.nii).*{said}"):
        open_view(volume, view)


def test_dicom_is_shown_without_its_suffix_and_refused_with_text_burned_in(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    from dicom_files import RAMP, picture, save

    path = save(tmp_path / "IM0001", picture(WindowCenter=0, WindowWidth=1024))
    assert open_view(path, {}).size == RAMP.shape
    assert np.asarray(open_view(path, {"window": [-1024, 1]}))[-1, -1].tolist() == [255] * 3
    with pytest.raises(DataError, match="plane is not used for DICOM"):
        open_view(path, {"plane": "axial"})
    save(path, picture(BurnedInAnnotation="YES"))
    with pytest.raises(DataError, match=r'text is burned into its pixels .* allow it with "allow_burned_in": true$'):
        open_view(path, {})
    assert open_view(path, {"allow_burned_in": True}).size == RAMP.shape
