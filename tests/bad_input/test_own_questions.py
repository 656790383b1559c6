"""Whatever is wrong with a line of a user's own file is said with file and line, and the good lines around it are asked."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import IMAGE, ROW, write
from PIL import Image

from lmms_vg.cli.main import main
from lmms_vg.datasets import own, own_notes
from lmms_vg.datasets.own_rows import read

Files = Callable[[Path], None]


def pictures(folder: Path) -> None:
    """A mask of another size than the image, an empty one, and an image of another grid."""
    Image.new("L", (10, 10), 255).save(folder / "small.png")
    Image.new("L", (40, 30)).save(folder / "empty.png")
    Image.new("RGB", (80, 60)).save(folder / "larger.png")


def volumes(folder: Path) -> None:
    """A volume, its mask stored the other way round (the affine flipped), and a mask on another grid."""
    nibabel = pytest.importorskip("nibabel")
    values = np.zeros((6, 5, 4), np.int16)
    values[1:3, 1:3] = 100
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / "v.nii.gz")
    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = 5
    nibabel.save(nibabel.Nifti1Image((values[::-1] > 0).astype(np.uint8), flipped), folder / "flipped.nii.gz")
    nibabel.save(nibabel.Nifti1Image((values[:4] > 0).astype(np.uint8), np.eye(4)), folder / "shorter.nii.gz")


def dicoms(folder: Path) -> None:
    pytest.importorskip("pydicom")
    from dicom_files import picture, save

    save(folder / "good.dcm", picture(WindowCenter=0, WindowWidth=1024))
    save(folder / "burned.dcm", picture(BurnedInAnnotation="YES"))


VOLUME = {"image": "v.nii.gz", "plane": "axial", "slice": 1, "question": "Where?"}

#: What is wrong: the files that are needed, the row, and what is said of it.
BAD: dict[str, tuple[Files | None, dict[str, Any] | str, str]] = {
    "semicolons": (None, "a.png;Where is it?;1,2,3,4", "not JSON"),
    "no text": (None, ROW | {"question": " "}, "question has no text"),
    "missing image": (None, ROW | {"image": "gone 肝.png"}, "gone 肝.png: there is no such image"),
    "xywh": (None, ROW | {"bbox": [20, 20, 10, 10]}, "if it is x, y, width, height, write [20, 20, 30, 30]"),
    "box outside": (None, ROW | {"bbox": [50, 40, 60, 50]}, "lies outside the image of 40 x 30 pixels"),
    "box of another size": (None, ROW | {"bbox": [8, 10, 80, 50]}, "reaches beyond the image of 40 x 30 pixels"),
    "box before the edge": (None, ROW | {"bbox": [-4, 2, 9, 9]}, "reaches beyond the image of 40 x 30 pixels"),
    "box of another grid": (
        pictures,
        ROW | {"image": "larger.png", "bbox": [80, 2, 90, 9]},
        "outside the image of 80 x 60",
    ),
    "mask of another size": (
        pictures,
        {"image": IMAGE, "question": "?", "mask": "small.png"},
        f"small.png has 10 x 10 pixels, but its image {IMAGE} has 40 x 30 pixels",
    ),
    "mask without a label": (pictures, {"image": IMAGE, "question": "?", "mask": "empty.png"}, "mask: it is empty"),
    "mask of no known form": (
        None,
        {"image": IMAGE, "question": "?", "mask": {"liver": 3}},
        "mask: {'liver': 3}: allowed is the path of a PNG",
    ),
    "burned-in text": (
        dicoms,
        {"image": "burned.dcm", "question": "?", "answer": "no"},
        "text is burned into its pixels",
    ),
    "mask of another grid": (volumes, VOLUME | {"mask": "shorter.nii.gz"}, "are on different grids"),
}


def made(folder: Path, files: Files | None, *rows: dict[str, Any] | str) -> Path:
    path = write(folder, *rows)
    if files:
        files(folder)
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_said_with_its_number_and_the_others_are_asked(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, row, said = BAD[case]
    path = made(tmp_path, files, ROW, row, ROW)
    assert main(["data", "check", str(path)]) == 1
    first, *measured = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}, line 2: ")
    assert said in first
    assert any("own_mine_grounding: n = " in line for line in measured)
    assert {sample.uid for sample in own.load(path)} >= {"mine.jsonl/1", "mine.jsonl/3"}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "gb18030"])
def test_a_line_in_another_encoding(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path, ROW)
    good = path.read_bytes()
    question = "Où est-il?" if encoding == "latin-1" else "Où est le 肝?"
    line = json.dumps(ROW | {"image": "a.png", "question": question}, ensure_ascii=False)
    path.write_bytes(good + line.encode(encoding).replace(b"\n", b"") + b"\n" + good)
    (problem,) = own.check(path)
    assert problem.startswith(f"{path}, line 2: not UTF-8")
    assert [sample.uid for sample in own.load(path)] == ["mine.jsonl/1", "mine.jsonl/3"]


def test_a_flipped_affine_changes_nothing(tmp_path: Path) -> None:
    """The mask is stored the other way round than its image, and says so: its boxes lie on the same pixels."""
    path = made(tmp_path, volumes, VOLUME | {"mask": "flipped.nii.gz"}, VOLUME | {"bbox": [3, 2, 5, 4]})
    assert list(own.check(path)) == []
    by_mask, by_box = own.load(path)
    assert by_mask.boxes == by_box.boxes == [[3, 2, 5, 4]]


def test_of_a_dicom_file_only_pixels_and_listed_tags_leave(tmp_path: Path) -> None:
    row = {"image": "good.dcm", "question": "Is it normal?", "answer": "no"}
    path = made(tmp_path, dicoms, row)
    assert list(own.check(path)) == []
    (sample,) = own.load(path)
    told = sample.model_dump_json()
    for private in ("Doe", "4711", "19700101", "General Hospital"):
        assert private not in told


def test_own_masks_have_no_labels_and_a_label_map_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked about all the same: all that is not 0 is one region."""
    labels = np.zeros((30, 40), np.uint8)
    labels[2:4, 2:4], labels[2:4, 4:6], labels[10:12, 2:4] = 1, 2, 7
    colours = np.zeros((30, 40, 3), np.uint8)
    colours[2:4, 2:4], colours[2:4, 4:6] = (255, 0, 0), (0, 255, 0)
    question = {"image": IMAGE, "question": "Where?"}
    path = write(tmp_path, ROW, *(question | {"mask": f"{name}.png"} for name in ("one", "labels", "colours", "gone")))
    for name, mask in {"one": labels == 1, "labels": labels, "colours": colours}.items():
        Image.fromarray(mask).save(tmp_path / f"{name}.png")
    assert main(["data", "check", str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{path}, line 5: ")
    assert said[1] == (
        "masks of 2 lines have several values, first line 3: labels.png has 3 beside 0. Own masks have no labels: all that is "
        "not 0 is one region; write a mask per label to ask about one"
    )
    assert [sample.boxes for sample in own.load(path)][1:] == [
        [[2, 2, 4, 4]],
        [[2, 2, 6, 4], [2, 10, 4, 12]],
        [[2, 2, 6, 4]],
    ]
    main(["data", "check", str(write(tmp_path, ROW, question | {"mask": "one.png"}))])
    assert "several values" not in capsys.readouterr().out


def test_a_label_map_as_a_volume_is_named(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[1, 1, 1], labels[2, 2, 1], labels[3, 3, 2] = 1, 2, 3
    volumes(tmp_path)
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "labels.nii.gz")
    path = write(tmp_path, VOLUME | {"mask": "labels.nii.gz"}, VOLUME | {"mask": "labels.nii.gz", "slice": 2})
    (note,) = own_notes.notes(path)
    assert note.startswith("masks of 1 lines have several values, first line 1: labels.nii.gz has 2 beside 0")


def test_the_grey_edges_of_a_jpeg_mask_are_no_region(tmp_path: Path) -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[8:16, 8:24] = 255
    mask[3:5, 30:36] = 255  # not along JPEG's blocks
    path = write(tmp_path, {"image": IMAGE, "question": "Where?", "mask": "m.jpg"})
    Image.fromarray(mask).save(tmp_path / "m.jpg", quality=75)
    assert len(np.unique(np.asarray(Image.open(tmp_path / "m.jpg")))) > 2
    (sample,) = own.load(path)
    region = np.zeros((30, 40), bool)
    for x1, y1, x2, y2 in (map(int, box) for box in sample.boxes):
        region[y1:y2, x1:x2] = True
    assert (region == (mask > 0)).all()
    assert list(own_notes.notes(path)) == []


def long_file(folder: Path, lines: int, bad: dict[int, str]) -> Path:
    path = write(folder, ROW)
    rows = (bad.get(line) or json.dumps(ROW | {"question": f"Where is {line}?"}) for line in range(1, lines + 1))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_bad_lines_among_a_hundred_thousand_are_numbered_and_the_others_are_asked(tmp_path: Path) -> None:
    bad = {1_000: "{", 50_000: json.dumps(ROW | {"question": ""}), 99_999: json.dumps(ROW | {"bbox": [20, 25, 10, 12]})}
    path = long_file(tmp_path, 100_000, bad)
    assert [problem.line for problem in read(path).problems] == list(bad)
    samples = own.load(path)
    assert len(samples) == 99_997
    assert {sample.uid for sample in samples}.isdisjoint(f"mine.jsonl/{line}" for line in bad)


def test_a_long_file_takes_memory_for_its_rows_only(tmp_path: Path) -> None:
    path = long_file(tmp_path, 3_000, {2_000: "{"})
    tracemalloc.start()
    assert len(read(path).rows) == 2_999
    held, peak = tracemalloc.get_traced_memory()
    list(own.check(path))
    assert list(own_notes.notes(path)) == []
    checked = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 2_000 * 3_000
    assert peak < 1.1 * held, "the text of the file is not kept beside its rows"
    assert checked < 1.1 * held + 2_000_000, "nor is what is made of a row to check it"


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_ordinary_file_is_refused_at_once(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe would be waited for, and a device read for ever."""
    os.mkfifo(tmp_path / "pipe")
    path = {"pipe": tmp_path / "pipe", "folder": tmp_path, "device": Path("/dev/zero")}[kind]
    assert main(["data", "check", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"lmms-vg: {path} is not an ordinary file; wanted is")
    assert said.count("\n") == 1
