"""HuatuoGPT-Vision's evaluation data: six parts of one file, letters as in its scorer, images before the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmms_vg.datasets import medical_eval
from lmms_vg.datasets.medical_eval import DATASETS, MEDICAL_EVAL, Dataset
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError, DataMissing

NAME = "medical_multimodel_evaluation_data.json"
ROW = {
    "question": "Is it normal?",
    "options": ["Yes", "No"],
    "answer": "No",
    "dataset": "VQA-RAD_test",
    "subset": "VQA-RAD_test",
    "image": ["images/a.jpg"],
}


def write(data: Path, *rows: dict[str, Any]) -> Path:
    path = data / "medical_eval" / NAME
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows))
    return path


def load_one(data: Path, **values: Any) -> Sample:
    write(data, ROW | values)
    (sample,) = medical_eval.load("vqa_rad")
    return sample


def test_a_row(data: Path, small: None) -> None:
    sample = load_one(data)
    assert sample.uid == "medical_eval/vqa_rad/0"
    assert sample.images == ["medical_eval:images/a.jpg"]
    assert (sample.question, sample.options, sample.answer) == ("Is it normal?", ["Yes", "No"], "B")
    assert (sample.answer_type, sample.modality) == ("CHOICE", "")


@pytest.mark.slow
def test_all_of_it(data: Path) -> None:
    sizes = {"vqa_rad": 251, "slake": 416, "pathvqa": 3362, "pmc_vqa": 2000, "omnimedvqa": 11124, "mmmu": 145}
    rows = [ROW | {"dataset": DATASETS[key]} for key, size in sizes.items() for _ in range(size)]
    rows[100:100] = [ROW | {"dataset": "MMMU_Medical_Validation", "options": []}] * 5
    write(data, *rows)
    samples = [sample for key in sizes for sample in medical_eval.load(key)]
    assert len(samples) == len({sample.uid for sample in samples}) == sum(sizes.values()) == 17_298
    assert samples[-1].uid == "medical_eval/mmmu/149"


@pytest.mark.parametrize("key", DATASETS)
def test_wrong_count_stops_and_says_both_numbers(data: Path, key: Dataset) -> None:
    write(data, *[ROW | {"dataset": name} for name in DATASETS.values()])
    expected = 150 if key == "mmmu" else MEDICAL_EVAL.counts[key]
    with pytest.raises(DataError, match=rf"{key}.*: 1 .*{expected}.*cut short"):
        medical_eval.load(key)


def test_both_numbers_of_mmmu_are_checked(data: Path) -> None:
    row = ROW | {"dataset": "MMMU_Medical_Validation"}
    write(data, *[row] * 146, *[row | {"options": None}] * 4)
    with pytest.raises(DataError, match=r"mmmu: 146 .*145"):
        medical_eval.load("mmmu")
    write(data, *[row] * 145, *[row | {"options": "[]"}] * 4)
    with pytest.raises(DataError, match=r"149 .*150"):
        medical_eval.load("mmmu")


def test_parts_do_not_mix(data: Path, small: None) -> None:
    write(
        data,
        *[ROW | {"dataset": name, "question": key} for key, name in DATASETS.items()],
        ROW | {"dataset": "All of SLAKE_test"},
    )
    for key in DATASETS:
        (sample,) = medical_eval.load(key)
        assert sample.question == key
    write(data, ROW)
    with pytest.raises(DataError, match=r"medical_eval slake: 0 .*416.*no question"):
        medical_eval.load("slake")


@pytest.mark.parametrize("options", [["it's", 'a "b"', "N/A"], repr(["it's", 'a "b"', "N/A"])])
def test_options_are_a_list_or_the_print_of_one(data: Path, small: None, options: Any) -> None:
    sample = load_one(data, options=options, answer='a "b"')
    assert (sample.options, sample.answer) == (["it's", 'a "b"', "N/A"], "B")


@pytest.mark.parametrize("options", ["A. Yes", {"A": "Yes"}, 3])
def test_other_options_are_refused_with_their_row(data: Path, small: None, options: Any) -> None:
    write(data, ROW | {"dataset": "SLAKE_test"}, ROW, ROW | {"options": options})
    with pytest.raises(DataError, match="VQA-RAD_test row 1: options"):
        medical_eval.load("vqa_rad")


@pytest.mark.parametrize(
    ("answer", "options", "letter"),
    [
        ("No", ["No", "Yes", "No"], "A"),  # list.index, as in the released scorer
        (" no", ["Yes", "No"], "B"),
        ("no", ["No", "NO"], ""),
        ("None of these", ["Yes", "No"], ""),
        ("N/A", ["nan", "N/A"], "B"),
        ("14", [str(number) for number in range(1, 15)], "N"),
        (14, list(range(1, 15)), "N"),
    ],
)
def test_the_right_letter(data: Path, small: None, answer: Any, options: list[Any], letter: str) -> None:
    assert load_one(data, answer=answer, options=options).answer == letter


@pytest.mark.parametrize("image", ["images/a.jpg", ["images/a.jpg"]])
def test_one_image_is_a_list_or_a_text(data: Path, small: None, image: Any) -> None:
    assert load_one(data, image=image).images == ["medical_eval:images/a.jpg"]


def test_marks_move_no_images(data: Path, small: None) -> None:
    question = "In <image 1> and <image 12>, not in <image>, which?"
    options = ["<image 1>", "<image 2>"]
    sample = load_one(
        data, question=question, options=options, answer="<image 2>", image=["images/1.png", "images/2.png"]
    )
    assert sample.question == "In image 1 and image 12, not in <image>, which?"
    assert (sample.options, sample.answer) == (["image 1", "image 2"], "B")
    assert sample.images == ["medical_eval:images/1.png", "medical_eval:images/2.png"]


@pytest.mark.parametrize(
    ("subset", "modality", "kept"),
    [
        ("CT(Computed Tomography)", "CT", "CT(Computed Tomography)"),
        ("OCT (Optical Coherence Tomography", "OCT", "OCT (Optical Coherence Tomography"),
        ("Pharmacy", "", "Pharmacy"),
        (None, "", "vqa_rad"),
    ],
)
def test_modality_of_what_comes_from_omnimedvqa(
    data: Path, small: None, subset: str | None, modality: str, kept: str
) -> None:
    sample = load_one(data, subset=subset)
    assert (sample.modality, sample.subset) == (modality, kept)


def test_byte_order_mark(data: Path, small: None) -> None:
    path = write(data, ROW)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(medical_eval.load("vqa_rad")) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[{", "Invalid JSON"),
        ("{}", "valid array at the top"),
        (json.dumps([ROW, {"question": "?"}]), "Field required at 1 answer"),
        ("version https://git-lfs.github.com/spec/v1", "Invalid JSON"),
    ],
)
def test_broken_file_is_named(data: Path, content: str, message: str) -> None:
    write(data).write_text(content)
    with pytest.raises(DataError, match=rf"evaluation_data\.json: .*{message}"):
        medical_eval.load("vqa_rad")


@pytest.mark.parametrize("image", ["../a.jpg", ["images/a.jpg", "/etc/passwd"], ""])
def test_image_paths_that_lead_out_are_refused_with_their_row(data: Path, small: None, image: Any) -> None:
    write(data, ROW, ROW | {"image": image})
    with pytest.raises(DataError, match=r"VQA-RAD_test row 1: .*leads out"):
        medical_eval.load("vqa_rad")


@pytest.mark.parametrize("place", ["images.zip:images/a.jpg", "images.zip:a.jpg", "images/a.jpg", "a.jpg", "a.png"])
def test_image(lay: Callable[[str, bytes], None], place: str) -> None:
    lay(f"medical_eval/{place}", b"pixels")
    medical_eval.require_images()
    name = f"a{place[-4:]}"
    assert medical_eval.read_image(f"images/{name}") == medical_eval.read_image(name) == b"pixels"
    with pytest.raises(DataMissing, match=r"images\.zip.*images/b\.jpg"):
        medical_eval.read_image("images/b.jpg")


def test_missing_files_are_named(data: Path) -> None:
    command = "hf download FreedomIntelligence/Medical_Multimodal_Evaluation_Data {} --repo-type dataset"
    with pytest.raises(DataMissing, match=command.format(r"medical_multimodel_evaluation_data\.json")):
        medical_eval.load("slake")
    write(data, ROW)
    with pytest.raises(DataMissing, match=command.format(r"images\.zip")):
        medical_eval.require_images()
