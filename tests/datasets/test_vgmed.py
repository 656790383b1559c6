"""VGMED: box formats, broken rows, uids."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lmms_vg.datasets import vgmed
from lmms_vg.datasets.source import DataError, DataMissing

ROW = {"image": "AMOS/a.png", "question": "Where is the liver?", "bbox": [[10, 20, 30, 40]]}


def write(data: Path, *rows: Any, name: str = "VGMED_localization") -> None:
    (data / "vgmed").mkdir(exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (data / "vgmed" / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def test_medical_boxes_are_xyxy_but_those_of_slake_xywh(data: Path) -> None:
    write(
        data,
        ROW,
        ROW | {"image": "Slake/imgs/xmlab1/source.jpg"},
        ROW | {"image": "SlakeLike/a.png"},
        ROW | {"image": "other/Slake/a.png"},
    )
    xyxy, xywh = [[10.0, 20.0, 30.0, 40.0]], [[10.0, 20.0, 40.0, 60.0]]
    boxes = [sample.boxes for sample in vgmed.load("VGMED", "localization")]
    assert boxes == [xyxy, xywh, xywh, xyxy]  # "starts with Slake" is the rule of the authors' code, folder or not


def test_coco_boxes_are_xywh(data: Path) -> None:
    write(data, ROW | {"image": "COCO_val2014_000000000042.jpg"}, name="COCO_attribute")
    (sample,) = vgmed.load("COCO", "attribute")
    assert sample.boxes == [[10.0, 20.0, 40.0, 60.0]]
    assert sample.images == ["coco:COCO_val2014_000000000042.jpg"]
    assert sample.uid == "vgmed_coco/attribute/1"


def test_either_field_holds_the_boxes(data: Path) -> None:
    other = {"image": "a.png", "question": "?", "original_bboxes": [[1, 2, 3, 4], [5, 6, 7.5, 8]]}
    write(data, other, ROW | {"original_bboxes": [[9, 9, 9, 9]]})
    first, second = vgmed.load("VGMED", "localization")
    assert first.boxes == [[1, 2, 3, 4], [5, 6, 7.5, 8]]
    assert second.boxes == [[10, 20, 30, 40]]


def test_uids_are_line_numbers_and_survive_blank_lines(data: Path) -> None:
    write(data, ROW, "", ROW, name="VGMED_attribute")
    samples = vgmed.load("VGMED", "attribute")
    assert [sample.uid for sample in samples] == ["vgmed/attribute/1", "vgmed/attribute/3"]
    assert (samples[0].subset, samples[0].images, samples[0].split) == ("AMOS", ["vgmed:AMOS/a.png"], "test")


def test_inverted_boxes_and_wrong_lengths_stay_as_they_are() -> None:
    assert vgmed.to_xyxy([[30, 40, 10, 20], [1, 2, 3], []], xywh=False) == [[30, 40, 10, 20], [1, 2, 3], []]
    assert vgmed.to_xyxy([[30, 40, -10, -20], [1, 2, 3]], xywh=True) == [[30, 40, 20, 20], [1, 2, 3]]


@pytest.mark.parametrize("value", [None, "12", True, [1], {}, float("nan"), 10**400])
def test_what_is_no_number_becomes_nan(value: Any) -> None:
    ((left, top, right, bottom),) = vgmed.to_xyxy([[value, 1, 2, 3]], xywh=False)
    assert math.isnan(left)
    assert (top, right, bottom) == (1, 2, 3)


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], "box", 5, {"x": 1}, [None]])
def test_what_is_no_list_of_boxes_becomes_nan(boxes: Any) -> None:
    converted = vgmed.to_xyxy(boxes, xywh=True)
    assert converted
    assert all(len(box) == 4 and all(map(math.isnan, box)) for box in converted)


def test_broken_rows_are_kept(data: Path) -> None:
    write(
        data,
        {"image": "a.png", "question": "no boxes"},
        {"image": "a.png", "question": "null boxes", "bbox": None},
        '{"image": "a.png", "question": "NaN", "bbox": [[NaN, 1, 2, 3]]}',
        {"image": "a.png", "bbox": [[1, 2, 3, 4]]},
        {"question": "no image", "bbox": [[1, 2, 3, 4]]},
    )
    samples = vgmed.load("VGMED", "localization")
    assert [sample.boxes for sample in samples[:2]] == [[], []]
    assert math.isnan(samples[2].boxes[0][0])
    assert samples[3].question == ""
    assert samples[4].images == ["vgmed:"]  # open_image refuses it, so the question fails visibly


@pytest.mark.parametrize(
    "line",
    [
        '{"image": "a',
        "[1]",
        "version https://git-lfs",
        "\ud800",
        r'{"image": "a.png", "question": "Is \ud83e it?"}',
        r'{"image": "\udc00.png"}',
        '{"n": ' + "9" * 5000 + "}",
    ],
)
def test_line_that_is_no_row_is_named(data: Path, line: str) -> None:
    write(data, ROW)
    path = data / "vgmed" / "VGMED_localization.jsonl"
    path.write_bytes(path.read_bytes() + line.encode(errors="surrogatepass") + b"\n")
    with pytest.raises(DataError, match=r"VGMED_localization\.jsonl, line 2: "):
        vgmed.load("VGMED", "localization")


def test_nested_too_deeply_is_named(data: Path) -> None:
    write(data, ROW, "[" * 200_000)
    with pytest.raises(DataError, match=r"VGMED_localization\.jsonl, line 2: nested too deeply"):
        vgmed.load("VGMED", "localization")


@pytest.mark.parametrize("value", [5, ["a"], {"a": 1}, True, json.loads("[" * 900 + "]" * 900)])
def test_what_is_no_text_is_an_empty_question(data: Path, value: Any) -> None:
    write(data, ROW | {"question": value, "modality": value})
    (sample,) = vgmed.load("VGMED", "localization")
    assert (sample.question, sample.modality) == ("", "")


@pytest.mark.parametrize("image", ["../../etc/passwd", "/etc/passwd"])
def test_image_paths_that_lead_out_are_refused_with_their_line(data: Path, image: str) -> None:
    write(data, ROW, ROW | {"image": image})
    with pytest.raises(DataError, match=r"line 2: .*leads out"):
        vgmed.load("VGMED", "localization")


def test_missing_and_empty_files(data: Path) -> None:
    with pytest.raises(DataMissing, match=r"hf download guimeng-liu/VGMED COCO_attribute\.jsonl --repo-type dataset"):
        vgmed.load("COCO", "attribute")
    write(data)
    with pytest.raises(DataError, match="empty"):
        vgmed.load("VGMED", "localization")
