"""A user's own file as samples, and what `lmms-vg data check` says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from loguru import logger
from own_files import IMAGE, ROW, write
from PIL import Image

from lmms_vg.datasets import own
from lmms_vg.datasets.source import DataError


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Warnings that are logged."""
    messages: list[str] = []
    sink = logger.add(lambda message: messages.append(message.record["message"]), level="WARNING")
    yield messages
    logger.remove(sink)


def test_a_row_becomes_a_sample(tmp_path: Path, heard: list[str]) -> None:
    stated = {
        "answer": "MRI",
        "options": ["CT", "MRI"],
        "group": "hard",
        "split": "test",
        "modality": "MR",
        "patient": 7,
    }
    (sample,) = own.load(write(tmp_path, ROW | stated))
    assert sample.model_dump(include={"uid", "images", "question", "answer", "options", "boxes", "answer_type"}) == {
        "uid": "mine.jsonl/1",
        "images": [f"own:mine/{IMAGE}"],
        "question": ROW["question"],
        "answer": "B",
        "options": ["CT", "MRI"],
        "boxes": [ROW["bbox"]],
        "answer_type": "CHOICE",
    }
    assert (sample.group, sample.split, sample.modality, sample.patient) == ("hard", "test", "MR", "7")
    assert heard == []


def test_slices_of_a_volume_are_of_one_patient_whether_or_not_the_row_says_of_whom(tmp_path: Path) -> None:
    rows = [
        {"image": "scan.nii.gz", "plane": "axial", "slice": 3, "question": "Is it?", "answer": "yes"},
        {"image": "scan.nii.gz", "plane": "axial", "slice": 4, "question": "Is it?", "answer": "yes"},
        {"image": "run.dcm", "frame": 1, "question": "Is it?", "answer": "yes", "patient": "A"},
        {"image": IMAGE, "question": "Is it?", "answer": "yes"},
    ]
    samples = own.load(write(tmp_path, *rows))
    assert [sample.patient for sample in samples] == ["scan.nii.gz", "scan.nii.gz", "A", ""]


def test_rows_of_one_kind_can_be_asked_for(tmp_path: Path) -> None:
    plain = {"image": IMAGE, "question": "Is it?", "answer": "yes"}
    path = write(tmp_path, ROW, plain, ROW | {"answer": "no"})
    assert [sample.uid for sample in own.load(path)] == [f"mine.jsonl/{line}" for line in (1, 2, 3)]
    assert [sample.uid for sample in own.load(path, "closed")] == ["mine.jsonl/2"]
    assert [sample.answer_type for sample in own.load(path, "grounded_closed")] == ["CLOSED"]


def test_bad_lines_are_left_out_and_counted(tmp_path: Path, heard: list[str]) -> None:
    path = write(tmp_path, ROW, {"image": IMAGE, "question": "?", "mask": "gone.png"}, "{")
    assert [sample.uid for sample in own.load(path)] == ["mine.jsonl/1"]
    (message,) = heard
    assert message.startswith(f"2 of 3 lines are left out, first {path}, line 2: mask: ")
    assert message.endswith(f"All of them: lmms-vg data check {path}")


def test_rows_of_which_nothing_is_measured_are_left_out_of_every_task_and_counted(
    tmp_path: Path, heard: list[str]
) -> None:
    path = write(tmp_path, ROW, {"image": IMAGE, "question": "Where?"})
    assert [sample.uid for sample in own.load(path, "grounding")] == ["mine.jsonl/1"]
    (message,) = heard
    assert message.startswith(
        f"1 of 2 lines are left out, first {path}, line 2: it has neither an answer nor bbox or mask"
    )


def test_a_file_of_which_nothing_can_be_asked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no row can be asked; .*mine.jsonl, line 1: mask: .*gone.png"):
        own.load(write(tmp_path, {"image": IMAGE, "question": "?", "mask": "gone.png"}))


def test_every_line_is_checked_with_its_image(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(tmp_path / "larger.png")  # rows of several grids
    (tmp_path / "broken.png").write_text("no picture")
    path = write(
        tmp_path,
        ROW,
        ROW | {"image": "gone.png"},
        ROW | {"image": "larger.png", "bbox": [50, 40, 70, 60]},
        ROW | {"bbox": [50, 40, 70, 60]},
        "image;question",
        ROW | {"bbox": [20, 20, 10, 10]},
        {"image": IMAGE, "question": "Where?"},
        ROW | {"image": "broken.png"},
    )
    said = list(own.check(path))
    assert [line.partition(": ")[0] for line in said] == [f"{path}, line {number}" for number in (2, 4, 5, 6, 7, 8)]
    for line, words in zip(
        said,
        (
            "gone.png: there is no such image",
            "lies outside the image of 40 x 30 pixels (is it x, y, width, height?)",
            "not JSON",
            "if it is x, y, width, height, write [20, 20, 30, 30]",
            "neither an answer nor bbox or mask",
            "broken.png: not an image",
        ),
        strict=True,
    ):
        assert words in line


def test_a_good_file_has_nothing_said_of_it(tmp_path: Path) -> None:
    assert list(own.check(write(tmp_path, ROW, ROW | {"answer": "yes"}))) == []
