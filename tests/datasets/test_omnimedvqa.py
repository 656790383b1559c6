"""OmniMedVQA: eight modalities from 42 files in one zip, their irregular spellings, and the published counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from raw import put, put_zip

from lmms_vg.datasets import counts, omnimedvqa
from lmms_vg.datasets.omnimedvqa import NAMES, OMNIMEDVQA, Modality
from lmms_vg.datasets.source import DataError, DataMissing

ROW = {
    "dataset": "Chest CT Scan",
    "question_id": "Chest CT Scan_0000",
    "question_type": "Modality Recognition",
    "question": "What imaging technique was employed?",
    "gt_answer": "CT",
    "image_path": "Images/Chest CT Scan/test/a (6).png",
    "option_A": "Angiography",
    "option_B": "Mammogram",
    "option_C": "CT",
    "option_D": "MR",
    "modality_type": "CT(Computed Tomography)",
}
WRITTEN: dict[Modality, str] = {
    "ct": "CT(Computed Tomography)",
    "fp": "Fundus Photography",
    "mri": "MR (Mag-netic Resonance Imaging)",
    "oct": "OCT (Optical Coherence Tomography",
    "der": "Dermoscopy",
    "mic": "Microscopy Images",
    "xray": "X-Ray",
    "us": "ultrasound",
}


def write(data: Path, *, extracted: str = "", **files: list[dict[str, Any]] | bytes) -> None:
    """Write files of the open-access part into a zip as on the hub, or into the top folder `extracted`."""
    root = data / "omnimedvqa"
    contents = {
        f"QA_information/Open-access/{name}.json": rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        for name, rows in files.items()
    }
    if extracted:
        for path, content in contents.items():
            put(root / extracted / path, content)
        return
    contents["QA_information/Restricted-access/other.json"] = json.dumps([ROW]).encode()
    contents["Images/Chest CT Scan/test/a (6).png"] = b"pixels"
    put_zip(root / "OmniMedVQA.zip", {f"OmniMedVQA/{path}": content for path, content in contents.items()})


def without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    omnimedvqa._read.cache_clear()


def test_published_counts() -> None:
    assert sum(OMNIMEDVQA.counts.values()) == 88_995


@pytest.mark.slow
def test_all_of_it(data: Path) -> None:
    """42 files have 88,996 rows; the one with the irregular key is not counted."""
    rows = {
        key: [ROW | {"modality_type": name} for _ in range(OMNIMEDVQA.counts[key])] for key, name in WRITTEN.items()
    }
    rows["ct"].insert(7, without(ROW, "modality_type") | {"modality": WRITTEN["ct"], "question_id": "odd"})
    files = {f"set {number:02}": rows["mri"][number::35] for number in range(35)}
    files |= {f"{key} set": part for key, part in rows.items() if key != "mri"}
    for name, part in files.items():
        files[name] = [row | {"dataset": name, "question_id": f"{number}"} for number, row in enumerate(part)]
    assert len(files) == 42
    write(data, **files)
    samples = [sample for key in WRITTEN for sample in omnimedvqa.load(key)]
    assert len(samples) == len({sample.uid for sample in samples}) == 88_995
    assert "omnimedvqa/ct set/7" not in {sample.uid for sample in samples}


def test_real_row(shared_data: Path, data: Path, small: None) -> None:
    write(data, **{"Chest CT Scan": (shared_data / "omnimedvqa" / "one_real_row.json").read_bytes()})
    (sample,) = omnimedvqa.load("ct")
    assert sample.uid == "omnimedvqa/Chest CT Scan/Chest CT Scan_0000"
    assert sample.options == ["Angiography", "Electrocardiogram (ECG)", "Mammogram", "CT"]
    assert sample.answer == "D"
    assert sample.images == [
        "omnimedvqa:Images/Chest CT Scan/test/adenocarcinoma_left.lower.lobe_T2_N0_M0_Ib/000143 (6).png"
    ]


@pytest.mark.parametrize("modality", WRITTEN)
def test_each_modality_is_found_under_its_spelling(data: Path, small: None, modality: Modality) -> None:
    write(data, **{name: [ROW | {"modality_type": name, "dataset": name}] for name in WRITTEN.values()})
    (sample,) = omnimedvqa.load(modality)
    assert (sample.modality, sample.subset) == (NAMES[modality], WRITTEN[modality])
    assert (sample.question_type, sample.answer, sample.answer_type) == ("Modality Recognition", "C", "CHOICE")
    assert counts.deviations.keys() == {f"omnimedvqa {modality}"}


def test_names_are_those_of_the_published_table() -> None:
    assert list(NAMES.values()) == ["CT", "FP", "MRI", "OCT", "Der", "Mic", "X-Ray", "US"]


def test_in_part_of_the_data_the_odd_key_counts(data: Path, small: None) -> None:
    odd = without(ROW, "modality_type") | {"modality": WRITTEN["ct"]}
    write(data, a=[ROW, odd], b=[ROW | {"question_id": "1"}])
    uids = ["Chest CT Scan_0000", "Chest CT Scan_0000#2", "1"]
    assert [sample.uid for sample in omnimedvqa.load("ct")] == [f"omnimedvqa/Chest CT Scan/{uid}" for uid in uids]


def test_oct_with_and_without_its_parenthesis(data: Path, small: None) -> None:
    write(data, a=[ROW | {"modality_type": WRITTEN["oct"]}], b=[ROW | {"modality_type": f"{WRITTEN['oct']})"}])
    assert len(omnimedvqa.load("oct")) == 2


@pytest.mark.parametrize(
    ("row", "options", "answer"),
    [
        (without(ROW, "option_D"), ["Angiography", "Mammogram", "CT"], "C"),
        (without(ROW, "option_C", "option_D") | {"gt_answer": " Mammogram"}, ["Angiography", "Mammogram"], "B"),
        (ROW | {"option_D": None}, ["Angiography", "Mammogram", "CT"], "C"),
        (ROW | {"option_C": None, "option_D": "CT"}, ["Angiography", "Mammogram", "CT"], "C"),
        (ROW | {"option_D": ""}, ["Angiography", "Mammogram", "CT"], "C"),
        (ROW | {"option_B": "N/A", "gt_answer": "N/A"}, ["Angiography", "N/A", "CT", "MR"], "B"),
        (ROW | {"option_B": "nan", "gt_answer": "nan"}, ["Angiography", "nan", "CT", "MR"], "B"),
        (ROW | {"option_B": 2, "gt_answer": 2}, ["Angiography", "2", "CT", "MR"], "B"),
        (ROW | {"gt_answer": "ct."}, ["Angiography", "Mammogram", "CT", "MR"], ""),
        (ROW | {"option_B": "CT"}, ["Angiography", "CT", "CT", "MR"], ""),
    ],
)
def test_options_and_the_right_letter(
    data: Path, small: None, row: dict[str, Any], options: list[str], answer: str
) -> None:
    write(data, a=[row])
    (sample,) = omnimedvqa.load("ct")
    assert (sample.options, sample.answer) == (options, answer)


def test_byte_order_mark(data: Path, small: None) -> None:
    write(data, a=b"\xef\xbb\xbf" + json.dumps([ROW]).encode())
    assert len(omnimedvqa.load("ct")) == 1


@pytest.mark.parametrize("extracted", ["OmniMedVQA", "."])
def test_extracted_files_are_read_instead_of_the_zip(data: Path, small: None, extracted: str) -> None:
    write(data, a=[ROW], b=[ROW])
    write(data, extracted=extracted, c=[ROW | {"question": "extracted?"}])
    assert [sample.question for sample in omnimedvqa.load("ct")] == ["extracted?"]


def test_files_are_read_once(data: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    write(data, a=[ROW], b=[ROW | {"modality_type": "X-Ray"}])
    first = omnimedvqa.load("ct")
    monkeypatch.setattr(omnimedvqa, "read_file", lambda *_: pytest.fail("read again"))
    first.clear()
    assert len(omnimedvqa.load("ct")) == len(omnimedvqa.load("xray")) == 1


@pytest.mark.parametrize("value", ["MR", "mri", "Endoscopy", "", None])
def test_unknown_modality_is_named_with_its_file(data: Path, small: None, value: str | None) -> None:
    write(data, **{"Some Set": [ROW, ROW | {"modality_type": value}]})
    with pytest.raises(DataError, match=rf"Some Set\.json row 1: modality {value!r}: .*CT\(Computed"):
        omnimedvqa.load("ct")


@pytest.mark.parametrize("number", [41, 43])
def test_number_of_files(data: Path, number: int) -> None:
    write(data, **{f"set {n}": [ROW] for n in range(number)})
    with pytest.raises(DataError, match=rf"{number} JSON files .*42 .*LMMS_VG_PARTIAL_DATA=1"):
        omnimedvqa.load("ct")


def test_number_of_rows(data: Path) -> None:
    write(data, **{f"set {n}": [ROW] for n in range(42)})
    with pytest.raises(DataError, match=r"ct: 42 .*15808"):
        omnimedvqa.load("ct")


def test_no_question_of_a_modality_stops_even_partial_data(data: Path, small: None) -> None:
    write(data, a=[ROW])
    with pytest.raises(DataError, match=r"omnimedvqa oct: 0 .*4646.*no question"):
        omnimedvqa.load("oct")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[{", "Invalid JSON"),
        (b"{}", "valid array at the top"),
        (json.dumps([ROW, without(ROW, "gt_answer")]).encode(), "Field required at 1 gt_answer"),
    ],
)
def test_broken_file_is_named(data: Path, small: None, content: bytes, message: str) -> None:
    write(data, good=[ROW], broken=content)
    with pytest.raises(DataError, match=rf"Open-access/broken\.json: .*{message}"):
        omnimedvqa.load("ct")


def test_image_paths_that_lead_out_are_refused_with_their_row(data: Path, small: None) -> None:
    write(data, a=[ROW, ROW | {"image_path": "Images/../../../etc/passwd"}])
    with pytest.raises(DataError, match=r"a\.json row 1: .*leads out"):
        omnimedvqa.load("ct")


def test_row_without_image_fails_when_the_image_is_opened(data: Path, small: None) -> None:
    write(data, a=[ROW | {"image_path": ""}])
    assert omnimedvqa.load("ct")[0].images == ["omnimedvqa:"]


@pytest.mark.parametrize("place", ["OmniMedVQA/", "", "OmniMedVQA.zip:OmniMedVQA/", "OmniMedVQA.zip:"])
def test_image(lay: Callable[[str, bytes], None], place: str) -> None:
    path = "Images/Chest CT Scan/test/a (6).png"
    lay(f"omnimedvqa/{place}{path}", b"pixels")
    omnimedvqa.require_images()
    assert omnimedvqa.read_image(path) == b"pixels"


def test_missing_files_are_named(data: Path, small: None) -> None:
    command = r"hf download foreverbeliever/OmniMedVQA OmniMedVQA\.zip --repo-type dataset"
    with pytest.raises(DataMissing, match=command):
        omnimedvqa.load("ct")
    write(data, extracted="OmniMedVQA", a=[ROW])
    assert len(omnimedvqa.load("ct")) == 1
    with pytest.raises(DataMissing, match=command):
        omnimedvqa.require_images()
    write(data, a=[ROW])
    omnimedvqa.require_images()
    with pytest.raises(DataMissing, match=r"\(about 10\.7 GB\)\. Images/x\.png"):
        omnimedvqa.read_image("Images/x.png")
