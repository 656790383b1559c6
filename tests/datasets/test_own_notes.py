"""What is said of a file of own questions that is well-formed, and may yet mean something else than its author thinks."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_files import IMAGE, ROW, write
from PIL import Image

from lmms_vg.cli.main import main
from lmms_vg.datasets.own_notes import notes

YES = {"question": "Is it?", "answer": "yes"}


def stored(path: Path, orientation: int | None) -> str:
    """Save a picture with EXIF data; `orientation` is as the standard has it, 1 to 8."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(path, exif=exif)
    return path.name


def test_a_file_of_different_questions_has_none(tmp_path: Path) -> None:
    other = ROW | {"question": "Where is the heart?"}
    assert list(notes(write(tmp_path, ROW, other, ROW | {"bbox": [1, 2, 9, 9]}))) == []


def test_images_that_viewers_turn_are_counted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [stored(tmp_path / f"{n}.jpg", n) for n in (1, 3, 6)] + [stored(tmp_path / "none.png", None)]
    path = write(tmp_path, ROW, *(YES | {"image": name} for name in names), YES | {"image": "3.jpg", "answer": "no"})
    (note,) = notes(path)
    assert note.startswith("images turned by their EXIF data: 2, first line 3: 3.jpg. The model sees them as stored")
    assert main(["data", "check", str(path)]) == 0, "it is no fault"
    assert capsys.readouterr().out.splitlines()[0] == note


def test_an_image_of_two_patients_is_named(tmp_path: Path) -> None:
    rows = [ROW | {"question": f"{n}?", "patient": who} for n, who in enumerate(("A", "A", "", "B"))]
    (note,) = notes(write(tmp_path, *rows))
    assert note == (
        f"images of several patients: 1, first {IMAGE}: A in line 1, none in line 3. Intervals take them for independent; "
        "name one patient"
    )
    assert list(notes(write(tmp_path, *rows[:2]))) == []


def test_frames_of_one_file_may_be_of_several_patients(tmp_path: Path) -> None:
    rows = [YES | {"image": "v.dcm", "frame": frame, "patient": str(frame)} for frame in (0, 1)]
    assert list(notes(write(tmp_path, *rows))) == []


def test_a_question_that_counts_twice_is_named(tmp_path: Path) -> None:
    again = ROW | {"image": f"./{IMAGE}", "bbox": [ROW["bbox"]], "group": "g"}
    (note,) = notes(write(tmp_path, ROW, ROW | {"question": "Else?"}, again))
    assert note == "lines that ask what another asks of the same image: 1, first line 3 as line 1; each counts"
