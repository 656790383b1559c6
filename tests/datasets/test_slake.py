"""SLAKE: the rows that are used, and their counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raw import put_zip

from lmms_vg.datasets import counts, slake
from lmms_vg.datasets.source import DataError, DataMissing

ROW = {
    "img_id": 1,
    "img_name": "xmlab1/source.jpg",
    "question": "Is it normal?",
    "answer": "No",
    "q_lang": "en",
    "location": "Abdomen",
    "modality": "CT",
    "answer_type": "CLOSED",
    "base_type": "vqa",
    "content_type": "Abnormality",
    "triple": ["vhead", "_", "_"],
    "qid": 5,
}


def write(data: Path, validation_file: str = "validation.json", **splits: list[dict[str, Any]]) -> None:
    folder = data / "slake"
    folder.mkdir()
    for split, name in {"train": "train.json", "validation": validation_file, "test": "test.json"}.items():
        if split in splits:
            (folder / name).write_text(json.dumps(splits[split]))


def test_real_counts(real_data: Path) -> None:
    closed, opened = slake.load("closed"), slake.load("open")
    assert Counter(sample.split for sample in closed) == {"train": 1943, "validation": 422, "test": 416}
    assert Counter(sample.split for sample in opened) == {"train": 2976, "validation": 631, "test": 645}
    assert len(closed) == 2781
    assert sum(sample.answer.lower() not in ("yes", "no") for sample in closed) == 387
    assert len({sample.uid for sample in closed + opened}) == 2781 + 4252
    assert [sample.uid for sample in opened if not sample.answer] == ["slake/train/1622"]


def test_real_test_split(real_data: Path) -> None:
    closed, opened = slake.load("closed", "test"), slake.load("open", "test")
    assert (len(closed), len(opened)) == (416, 645)
    assert closed == [sample for sample in slake.load("closed") if sample.split == "test"]
    # Categories of breakdowns, counted in the file itself.
    rows = [row for row in json.loads((real_data / "slake/test.json").read_text()) if row["q_lang"] == "en"]
    for field, key in {"organ": "location", "content_type": "content_type", "question_type": "base_type"}.items():
        assert Counter(getattr(sample, field) for sample in closed + opened) == Counter(row[key] for row in rows)
    assert {sample.question_type for sample in closed} == {"vqa", "kvqa"}


@pytest.mark.parametrize("name", ["validation.json", "validate.json"])
def test_english_rows_of_the_part_over_all_splits(data: Path, small: None, name: str) -> None:
    write(
        data,
        validation_file=name,
        train=[ROW, ROW | {"qid": 6, "q_lang": "zh"}, ROW | {"qid": 7, "answer_type": "OPEN"}],
        validation=[ROW | {"qid": 8, "answer_type": "CLOSED "}, ROW],
        test=[ROW | {"question": ""}],
    )
    samples = slake.load("closed")
    assert [sample.uid for sample in samples] == ["slake/train/5", "slake/validation/5", "slake/test/5"]
    assert samples[0].images == ["slake:xmlab1/source.jpg"]
    assert (samples[0].question, samples[0].answer, samples[0].modality) == ("Is it normal?", "No", "CT")
    assert (samples[0].organ, samples[0].content_type, samples[0].question_type) == ("Abdomen", "Abnormality", "vqa")
    assert samples[2].question == ""
    assert [sample.uid for sample in slake.load("open")] == ["slake/train/7"]


def test_test_split_alone_needs_only_its_file(data: Path, small: None) -> None:
    write(data, test=[ROW, ROW | {"qid": 6, "answer_type": "OPEN"}])
    assert [sample.uid for sample in slake.load("closed", "test")] == ["slake/test/5"]
    assert counts.deviations.keys() == {"slake closed/test"}


def test_byte_order_mark(data: Path, small: None) -> None:
    write(data)
    (data / "slake" / "test.json").write_text(json.dumps([ROW]), encoding="utf-8-sig")
    assert len(slake.load("closed", "test")) == 1


def test_what_only_breaks_results_down_may_be_absent(data: Path, small: None) -> None:
    write(data, test=[{key: ROW[key] for key in ROW.keys() - {"location", "content_type", "base_type"}}])
    (sample,) = slake.load("closed", "test")
    assert (sample.organ, sample.content_type, sample.question_type) == ("", "", "")


def test_repeated_ids_are_questions_of_their_own(data: Path, small: None) -> None:
    write(data, train=[ROW], test=[ROW, ROW])
    assert [sample.uid for sample in slake.load("closed")] == ["slake/train/5", "slake/test/5", "slake/test/5#2"]


@pytest.mark.parametrize("answer", ["N/A", "nan", "None", "null", ""])
def test_answers_stay_what_they_say(data: Path, small: None, answer: str) -> None:
    write(data, test=[ROW | {"answer": answer}])
    assert [sample.answer for sample in slake.load("closed", "test")] == [answer]


def test_wrong_count_of_the_test_split_stops(data: Path) -> None:
    write(data, test=[ROW])
    with pytest.raises(DataError, match=r"closed/test: 1 .*416"):
        slake.load("closed", "test")


def test_wrong_count_stops_and_says_both_numbers(data: Path) -> None:
    write(data, train=[ROW], validation=[], test=[])
    with pytest.raises(DataError, match=r"closed/train: 1 .*1943.*LMMS_VG_PARTIAL_DATA=1"):
        slake.load("closed")


@pytest.mark.parametrize("value", ["0", "true", ""])
def test_only_the_value_1_relaxes_counts(data: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    write(data, train=[ROW], validation=[], test=[])
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", value)
    with pytest.raises(DataError, match="expected"):
        slake.load("closed")


def test_relaxed_counts_are_kept_for_the_results(data: Path, small: None) -> None:
    write(data, train=[ROW])
    assert len(slake.load("closed")) == 1
    assert counts.deviations.keys() == {"slake closed/train", "slake closed/validation", "slake closed/test"}
    assert "1 questions found, 1943 expected" in counts.deviations["slake closed/train"]


def test_missing_split_stops(data: Path) -> None:
    write(data, train=[])
    with pytest.raises(DataError, match="0 questions found, 1943"):
        slake.load("closed")
    (data / "slake" / "train.json").unlink()
    with pytest.raises(DataMissing, match=r"train\.json"):
        slake.load("closed")


def test_no_question_at_all_stops_even_partial_data(data: Path, small: None) -> None:
    with pytest.raises(DataError, match="no closed question"):
        slake.load("closed")


@pytest.mark.parametrize("content", ["[{", "{}", '[{"qid": 1}]', "version https://git-lfs.github.com/spec/v1"])
def test_broken_file_is_named(data: Path, content: str) -> None:
    write(data)
    (data / "slake" / "train.json").write_text(content)
    with pytest.raises(DataError, match=r"train\.json"):
        slake.load("closed")


def test_image_names_that_lead_out_are_refused(data: Path, small: None) -> None:
    write(data, train=[ROW | {"img_name": "../../etc/passwd"}])
    with pytest.raises(DataError, match="leads out"):
        slake.load("closed")


@pytest.mark.parametrize("place", ["imgs/xmlab1/source.jpg", "xmlab1/source.jpg", "imgs.zip:imgs/xmlab1/source.jpg"])
def test_image(lay: Callable[[str, bytes], None], place: str) -> None:
    with pytest.raises(DataMissing, match=r"imgs\.zip"):
        slake.require_images()
    lay(f"slake/{place}", b"pixels")
    slake.require_images()
    assert slake.read_image("xmlab1/source.jpg") == b"pixels"
    with pytest.raises(DataMissing, match=r"xmlab2/source\.jpg .*'imgs'"):
        slake.read_image("xmlab2/source.jpg")


def test_members_that_lead_out_are_not_written(data: Path) -> None:
    put_zip(data / "slake" / "imgs.zip", {"imgs/../../escaped.jpg": b"", "imgs/a.jpg": b"pixels"})
    assert slake.read_image("a.jpg") == b"pixels"
    assert not list(data.parent.rglob("escaped.jpg"))
