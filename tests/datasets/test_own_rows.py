"""Lines of a user's own file: what is read of them, and what is said of those that cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from own_files import ROW, write

from lmms_vg.datasets.own_rows import boxes_of, read
from lmms_vg.datasets.source import DataError

TEXT = {"image": "a.png", "question": "Is it normal?"}


def problem(folder: Path, row: dict[str, Any] | str) -> str:
    """What is said of a row that stands between two good ones, which are read."""
    file = read(write(folder, ROW, row, ROW))
    assert list(file.rows) == [1, 3]
    ((line, what),) = file.problems
    assert line == 2
    return what


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"answer": "Yes."}, "closed"),
        ({"answer": "no"}, "closed"),
        ({"answer": "left lung"}, "open"),
        ({"answer": "b", "options": ["CT", "MRI"]}, "choice"),
        ({"bbox": [1, 2, 3, 4]}, "grounding"),
        ({"mask": "m.png"}, "grounding"),
        ({"answer": "yes", "mask": "m.png"}, "grounded_closed"),
        ({"answer": "left", "bbox": [[1, 2, 3, 4]]}, "grounded_open"),
        ({"answer": "MRI", "options": ["CT", "MRI"], "bbox": [1, 2, 3, 4]}, "grounded_choice"),
        ({}, None),
        ({"answer": None, "bbox": None, "options": None}, None),
    ],
)
def test_what_is_scored_follows_from_the_keys(tmp_path: Path, keys: dict[str, Any], kind: str | None) -> None:
    assert read(write(tmp_path, TEXT | keys)).rows[1].kind == kind


@pytest.mark.parametrize(("answer", "letter"), [("MRI", "B"), (" mri", "B"), ("a", "A"), ("B", "B")])
def test_an_answer_is_an_option_or_its_letter(tmp_path: Path, answer: str, letter: str) -> None:
    assert read(write(tmp_path, TEXT | {"options": ["CT", "MRI"], "answer": answer})).rows[1].answer == letter


def test_options_that_are_their_own_letters_leave_no_doubt(tmp_path: Path) -> None:
    assert read(write(tmp_path, TEXT | {"options": ["A", "B"], "answer": "B"})).rows[1].answer == "B"


def test_one_image_has_one_name_however_it_is_spelt(tmp_path: Path) -> None:
    rows = read(
        write(tmp_path, *(TEXT | {"image": path} for path in ("x/a.png", "./x/a.png", "x//a.png", "x/./a.png")))
    ).rows
    assert {row.image for row in rows.values()} == {"x/a.png"}


def test_one_box_or_a_list_of_boxes_under_either_name() -> None:
    assert boxes_of([1, 2, 3, 4]) == boxes_of([[1, 2, 3, 4]]) == [[1.0, 2.0, 3.0, 4.0]]
    assert boxes_of([[1, 2, 3, 4], [5, 6, 7, 8.5]])[1] == [5, 6, 7, 8.5]
    assert boxes_of([]) == boxes_of(None) == []


def test_vgmeds_other_name_for_boxes_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path, TEXT | {"original_bboxes": [[1, 2, 3, 4]]})).rows[1].bbox == [[1, 2, 3, 4]]
    both = TEXT | {"bbox": [1, 2, 3, 4], "original_bboxes": [[1, 2, 3, 4]]}
    assert read(write(tmp_path, both)).rows[1].bbox == [[1, 2, 3, 4]]


def test_patients_may_be_numbers(tmp_path: Path) -> None:
    assert [
        row.patient
        for row in read(write(tmp_path, *(ROW | {"patient": name} for name in (7, "7", " 7")))).rows.values()
    ] == ["7"] * 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{not JSON", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ({"question": "?", "bbox": [1, 2, 3, 4]}, "the key 'image' is missing"),
        ({"img": "a.png", "image_": 1, "question": "?"}, "the key 'image' is missing; did you mean image_?"),
        (TEXT | {"question": ""}, "question has no text"),
        (TEXT | {"question": " \t"}, "question has no text"),
        (TEXT | {"question": 3}, "question 3: input should be a valid string"),
        (TEXT | {"answer": 3}, "answer 3: input should be a valid string"),
        (TEXT | {"image": "../a.png"}, "leads out of"),
        (TEXT | {"image": "/a.png"}, "leads out of"),
        (TEXT | {"mask": "../a.png"}, "leads out of"),
        (TEXT | {"bbox": [1, 2, 3, 4], "mask": "m.png"}, "bbox and mask"),
        (TEXT | {"bbox": "1 2 3 4"}, "allowed is [x1, y1, x2, y2] in pixels"),
        (TEXT | {"bbox": [1, 2, 3]}, "allowed are four finite numbers"),
        (TEXT | {"bbox": [1, 2, 3, "4"]}, "allowed are four finite numbers"),
        ('{"image": "a.png", "question": "?", "bbox": [1, 2, NaN, 4]}', "allowed are four finite numbers"),
        ('{"image": "a.png", "question": "?", "bbox": [1, 2, 1e999, 4]}', "allowed are four finite numbers"),
        (TEXT | {"bbox": [1, 2, 10**400, 4]}, "allowed are four finite numbers"),
        (TEXT | {"bbox": [1, 2, 1, 4]}, "its right or bottom edge is not beyond"),
        ('{"image": "a.png", "question": "?", "bbox": [1, 2, 3, 4], "bbox": [5, 6, 7, 8]}', "'bbox' appears twice"),
        (TEXT | {"bbox": [1, 2, 3, 4], "original_bboxes": [[5, 6, 7, 8]]}, "bbox and original_bboxes are two names"),
        (TEXT | {"image": "a#{.png"}, "'#{' cannot be part of its name"),
        (TEXT | {"bbox": [20, 25, 10, 12]}, "if it is x, y, width, height, write [20, 25, 30, 37]"),
        (TEXT | {"options": ["CT", "MRI"]}, "no answer: with options, allowed is one of them, or its letter A to B"),
        (TEXT | {"options": ["CT", "MRI"], "answer": "C"}, "answer 'C': with options"),
        (TEXT | {"options": ["CT"], "answer": "A"}, "allowed are 2 to 26 texts that differ"),
        (TEXT | {"options": ["CT", "CT"], "answer": "A"}, "allowed are 2 to 26 texts that differ"),
        (TEXT | {"options": ["CT scan", "ct  scan "], "answer": "A"}, "differ in more than case and white space"),
        (TEXT | {"options": ["CT", " "], "answer": "A"}, "allowed are 2 to 26 texts that differ"),
        (TEXT | {"options": ["A", "C", "D"], "answer": "C"}, "answer 'C' is an option and also the letter of another"),
        (TEXT | {"window": "lungs"}, "did you mean lung"),
        (TEXT | {"plane": "axiall"}, "plane 'axiall'"),
        (TEXT | {"slice": 1.5}, "slice 1.5"),
    ],
)
def test_bad_rows_are_said_and_good_ones_are_read(tmp_path: Path, row: dict[str, Any] | str, said: str) -> None:
    assert said in problem(tmp_path, row)


def test_a_line_in_another_encoding_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, ROW)
    path.write_bytes(path.read_bytes() + '{"image": "a.png", "question": "Où?"}\n'.encode("latin-1"))
    file = read(path)
    assert list(file.rows) == [1]
    assert file.problems[0].line == 2
    assert "not UTF-8" in file.problems[0].what


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path, ROW)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).problems == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": the file is empty"),
        (b"\n \n", ": the file is empty"),
        (b"image;question;answer\na.png;Is it?;yes\n", ": this looks like a table (its columns are divided by ';')"),
        ("﻿image,question\na.png,Is it?\n".encode(), ": this looks like a table (its columns are divided by ',')"),
        (json.dumps([ROW], indent=1).encode(), ": this is a JSON list; write each of its objects on a line"),
        (json.dumps(ROW).encode("utf-16"), " is UTF-16; save it as UTF-8"),
        (b'{"a": 1}\n', ": none of its 1 lines is a row; line 1: the key 'image' is missing"),
    ],
)
def test_files_that_are_no_json_lines_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{said}")


def test_keys_that_look_misspelt_are_counted_and_others_are_not(tmp_path: Path) -> None:
    assert read(write(tmp_path, ROW | {"answr": "yes"}, ROW | {"answr": "no", "reader": 2})).unread == {"answr": 2}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, ROW)).rows) == 1
    assert len(read(write(tmp_path, ROW, ROW)).rows) == 2
