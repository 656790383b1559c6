"""SLAKE: which rows are asked, and the counts that make it SLAKE."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lmms_vg.datasets import counts, slake
from lmms_vg.datasets.source import DataError, DataMissing

ROW = {
    "img_id": 1,
    "img_name": "xmlab1/source.jpg",
    "question": "Is it normal?",
    "answer": "No",
    "q_lang": "en",
    "modality": "CT",
    "answer_type": "CLOSED",
    "triple": ["vhead", "_", "_"],
    "qid": 5,
}


def write(data: Path, validation_file: str = "validation.json", **splits: list[dict[str, Any]]) -> None:
    folder = data / "slake"
    folder.mkdir()
    for split, name in {"train": "train.json", "validation": validation_file, "test": "test.json"}.items():
        if split in splits:
            (folder / name).write_text(json.dumps(splits[split]))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_PARTIAL_DATA", "1")
    monkeypatch.setattr(counts, "deviations", {})


def test_real_counts(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMMS_VG_DATA", str(shared_data))
    monkeypatch.delenv("LMMS_VG_PARTIAL_DATA", raising=False)
    closed, opened = slake.load("closed"), slake.load("open")
    assert Counter(sample.split for sample in closed) == {"train": 1943, "validation": 422, "test": 416}
    assert Counter(sample.split for sample in opened) == {"train": 2976, "validation": 631, "test": 645}
    assert len(closed) == 2781
    assert sum(sample.answer.lower() not in ("yes", "no") for sample in closed) == 387
    assert len({sample.uid for sample in closed + opened}) == 2781 + 4252
    assert [sample.uid for sample in opened if not sample.answer] == ["slake/train/1622"]


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
    assert samples[2].question == ""
    assert [sample.uid for sample in slake.load("open")] == ["slake/train/7"]


def test_wrong_count_stops_and_says_both_numbers(data: Path) -> None:
    write(data, train=[ROW], validation=[], test=[])
    with pytest.raises(DataError, match=r"closed/train: 1 questions found, 1943 expected.*LMMS_VG_PARTIAL_DATA=1"):
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
    with pytest.raises(DataError, match="not one closed question"):
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
