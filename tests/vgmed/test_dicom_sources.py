"""DICOM in a build: each kind of file that is not read is named with what to do, and the others are built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import vgmed_sources as sources
from PIL import Image

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.build import build
from lmms_vg.vgmed.dataset import BuiltDataset, read
from lmms_vg.vgmed.frames import Tally
from lmms_vg.vgmed.manifest import load_manifest

pytest.importorskip("pydicom")

VALUES = np.full((30, 40), -500)
VALUES[5:15, 4:20] = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files that can be read, the second with black and white exchanged, and four that cannot."""
    folder = tmp_path / "d"
    windows = {"WindowCenter": [0, -400], "WindowWidth": [1000, 1200]}
    sources.dicom(folder / "images" / "good.dcm", VALUES, **windows)
    inverted = {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": -440, "WindowWidth": 1200}
    sources.dicom(folder / "images" / "inverted.dcm", -VALUES - 440, **inverted)
    frames = np.stack([VALUES, VALUES])
    many = {"Rows": 30, "Columns": 40, "NumberOfFrames": 2, "PixelData": (frames + 1024).astype("<i2").tobytes()}
    sources.dicom(folder / "images" / "frames.dcm", VALUES, **many)
    sources.dicom(folder / "images" / "segmentation.dcm", VALUES, Modality="SEG")
    sources.dicom(folder / "images" / "burned.dcm", VALUES, BurnedInAnnotation="YES")
    compressed(folder / "images" / "compressed.dcm")
    for path in (folder / "images").iterdir():
        sources.picture(folder / "masks" / f"{path.stem}.png", (VALUES > 0).astype(np.uint8))
    return folder


def compressed(path: Path) -> None:
    from pydicom import dcmread, dcmwrite
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLSLossless

    sources.dicom(path, VALUES)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = encapsulate([b"\0" * 8])
    dcmwrite(path, data, enforce_file_format=True)


def built(folder: Path, out: Path, **changes: object) -> tuple[BuiltDataset, Tally]:
    path = sources.manifest(folder / "d.yaml", images="images/{image}.dcm", **changes)
    _, tallies = build([path], out, name="made", seed=0, most=None)
    return read(out), tallies["d"]


def test_what_is_not_read_is_named_and_the_rest_is_built(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEGLSLossless

    monkeypatch.setattr(type(get_decoder(JPEGLSLossless)), "is_available", False)
    made, tally = built(folder, tmp_path / "out")
    assert [item.origin for item in made.items.values()] == ["images/good.dcm", "images/inverted.dcm"]
    assert tally.dropped == {"image cannot be read": 4}
    said = {Path(problem.split(":")[0]).name: problem for problem in tally.problems}
    assert "nothing here decodes JPEG-LS Lossless" in said["compressed.dcm"]
    assert "pip install pylibjpeg" in said["compressed.dcm"]
    assert "2 frames; allowed is one per file" in said["frames.dcm"]
    assert "store each frame as a file of its own, or the whole as NIfTI" in said["frames.dcm"]
    assert "segmentations (DICOM-SEG), not a picture" in said["segmentation.dcm"]
    assert "allow it with --allow-burned-in" in said["burned.dcm"]


def test_the_organ_is_bright_whichever_way_it_is_stored(folder: Path, tmp_path: Path) -> None:
    made, _ = built(folder, tmp_path / "out")
    for item in made.items.values():
        pixels = np.asarray(Image.open(made.image_path(item)))
        assert item.boxes == [(4, 5, 20, 15)]
        assert pixels[5:15, 4:20].min() > pixels[0].max()


@pytest.mark.parametrize(
    ("window", "words"),
    [(None, "centre 0, width 1000"), (1, "centre -400, width 1200 (the file's number 1)")],
)
def test_of_several_windows_the_first_or_the_stated_one_is_shown(
    folder: Path, tmp_path: Path, window: int | None, words: str
) -> None:
    made, tally = built(folder, tmp_path / "out", window=window)
    first, *others = made.items.values()
    assert first.window == words
    shown = int(np.asarray(Image.open(made.image_path(first)))[0, 0])
    centre, width = (0, 1000) if window is None else (-400, 1200)
    assert abs(shown - 255 * ((-500 - (centre - 0.5)) / (width - 1) + 0.5)) <= 0.5  # PS3.3 C.11.2.1.2.1
    assert bool(others) == (window is None)
    assert any("inverted.dcm: window 1: it has 1 windows of its own" in one for one in tally.problems) != bool(others)


def test_segmentations_in_dicom_are_refused_by_name(tmp_path: Path) -> None:
    path = sources.manifest(tmp_path / "m.yaml", images="{image}.dcm", masks="{image}_seg.dcm")
    with pytest.raises(
        DataError, match=r"'\{image\}_seg.dcm': segmentations in DICOM .* are not read; convert them to NIfTI"
    ):
        load_manifest(path)
