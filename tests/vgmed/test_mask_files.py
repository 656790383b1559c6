"""Masks that are stored as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from lmms_vg.datasets.source import DataError
from lmms_vg.vgmed.mask_files import present, read_label_map, read_mask, whole_numbers

LABELS = np.array([[0, 1, 2], [3, 250, 1]], np.uint8)


def test_label_maps_of_8_and_16_bits_and_with_a_palette(tmp_path: Path) -> None:
    deep = LABELS.astype(np.uint16) * 200
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert (read_label_map(tmp_path / "deep.png") == deep).all()
    palette = Image.new("P", (3, 2))
    palette.putdata(LABELS.ravel().tolist())
    palette.putpalette(list(np.random.default_rng(0).integers(0, 256, 768)))
    palette.save(tmp_path / "palette.png")
    Image.fromarray(LABELS).save(tmp_path / "grey.png")
    for name in ("palette", "grey"):
        assert (read_label_map(tmp_path / f"{name}.png") == LABELS).all()


def test_equal_channels_are_one(tmp_path: Path) -> None:
    Image.fromarray(np.stack([LABELS] * 3, axis=-1)).save(tmp_path / "a.png")
    assert (read_label_map(tmp_path / "a.png") == LABELS).all()
    Image.fromarray(np.stack([LABELS, LABELS, LABELS // 2], axis=-1)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"b.png: a mask in colours"):
        read_label_map(tmp_path / "b.png")


def test_masks_are_all_that_is_not_0(tmp_path: Path) -> None:
    for name, image in {"grey": Image.fromarray(LABELS), "bits": Image.fromarray(LABELS > 0)}.items():
        image.save(tmp_path / f"{name}.png")
        assert (read_mask(tmp_path / f"{name}.png") == (LABELS > 0)).all()


def test_jpeg_masks_have_no_grey_edges_and_jpeg_label_maps_are_refused(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[9:21, 5:18] = 255
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=60)
    assert (np.asarray(Image.open(tmp_path / "a.jpg")) != 0).sum() > (mask != 0).sum()
    assert (read_mask(tmp_path / "a.jpg") == (mask != 0)).all()
    with pytest.raises(DataError, match=r"a.jpg: a label map as JPEG"):
        read_label_map(tmp_path / "a.jpg")


def test_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as lmms-eval sets it
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    with pytest.raises(DataError, match=r"cut.png: truncated or damaged"):
        read_mask(tmp_path / "cut.png")
    with pytest.raises(FileNotFoundError):
        read_mask(tmp_path / "none.png")


@pytest.mark.parametrize("value", [0.5, -1.0, 70000.0, float("nan")])
def test_values_that_are_no_labels(value: float) -> None:
    with pytest.raises(DataError, match=r"x: .* in a label map; allowed are whole numbers from 0 to 65535"):
        whole_numbers(np.array([[0.0, value]]), "x")


def test_values_that_are_there() -> None:
    assert present(whole_numbers(LABELS, "x")) == [1, 2, 3, 250]
