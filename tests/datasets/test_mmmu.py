"""MMMU: marks that match their images, hidden answers, and images from parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw import png

from lmms_vg.datasets import mmmu
from lmms_vg.datasets.mmmu import MMMU, SUBJECTS, Split
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError, DataMissing

TEXTS = (
    "id",
    "question",
    "options",
    "explanation",
    "img_type",
    "answer",
    "topic_difficulty",
    "question_type",
    "subfield",
)
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema([(name, pa.string()) for name in TEXTS] + [(f"image_{n}", IMAGE) for n in range(1, 8)])
ROW = {
    "id": "validation_Pharmacy_1",
    "question": "<image 1> What is shown?",
    "options": "['CT', 'MR']",
    "explanation": "",
    "img_type": "['Medical Images']",
    "answer": "B",
    "topic_difficulty": "Easy",
    "question_type": "multiple-choice",
    "subfield": "Medicinal Chemistry",
}
OPEN = ROW | {"question_type": "open", "options": "[]", "answer": "['4', 'four']"}


def image(content: bytes, name: str | None = None) -> dict[str, Any]:
    return {"bytes": content, "path": name}


def write(
    data: Path,
    *rows: dict[str, Any],
    subject: str = "Pharmacy",
    split: str = "validation",
    shard: str = "00000-of-00001",
) -> Path:
    """Write files as on the hub; a row without given images has one in the first column."""
    path = data / "mmmu" / subject / f"{split}-{shard}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    full = [row if any(key.startswith("image_") for key in row) else row | {"image_1": image(b"1")} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema=SCHEMA), path)
    return path


def load_one(data: Path, split: Split = "validation", **values: Any) -> Sample:
    write(data, ROW | values, split=split)
    (sample,) = mmmu.load("Pharmacy", split)
    return sample


def test_a_row(data: Path, small: None) -> None:
    sample = load_one(data)
    assert sample.uid == "mmmu/validation_Pharmacy_1"
    assert sample.images == ["mmmu:Pharmacy/validation/0/1"]
    assert (sample.question, sample.options, sample.answer) == ("<image 1> What is shown?", ["CT", "MR"], "B")
    assert (sample.answer_type, sample.content_type, sample.question_type) == ("CHOICE", "Medicinal Chemistry", "Easy")
    assert (sample.subset, sample.split, sample.licence) == ("Pharmacy", "validation", "Apache-2.0")


def test_an_open_question_keeps_its_answers_as_they_are(data: Path, small: None) -> None:
    sample = load_one(data, **OPEN)
    assert (sample.options, sample.answer_type, sample.answer) == ([], "OPEN", "['4', 'four']")
    assert load_one(data, **OPEN | {"answer": "N/A", "options": "no options"}).answer == "N/A"
    assert load_one(data, **OPEN | {"answer": None}).answer == ""


@pytest.mark.parametrize("answer", ["", "C", "b", "AB", "CT", None])
def test_what_is_no_letter_of_an_option_is_no_answer(data: Path, small: None, answer: str | None) -> None:
    assert load_one(data, answer=answer).answer == ""


def test_answers_of_the_test_part_are_hidden(data: Path, small: None) -> None:
    for kind in ("multiple-choice", "open"):
        sample = load_one(data, "test", answer="?", question_type=kind)
        assert (sample.answer, sample.split, sample.images) == ("?", "test", ["mmmu:Pharmacy/test/0/1"])


def test_quotes_and_words_that_look_like_nothing_in_options(data: Path, small: None) -> None:
    options = ["patient's", 'a "b"', "both ' and \"", "nan", "None", "N/A", "a, b"]
    sample = load_one(data, options=repr(options), answer="G")
    assert (sample.options, sample.answer) == (options, "G")


@pytest.mark.parametrize("options", ["A. CT", "['CT'", None])
def test_broken_options_are_refused_with_their_row(data: Path, small: None, options: str | None) -> None:
    write(data, ROW, ROW | {"options": options})
    with pytest.raises(DataError, match=r"mmmu/Pharmacy/validation-\*\.parquet row 1: options"):
        mmmu.load("Pharmacy", "validation")


def test_unknown_kind_of_question_is_refused_with_its_row(data: Path, small: None) -> None:
    write(data, ROW, ROW | {"question_type": "short"})
    with pytest.raises(DataError, match=r"row 1: question_type 'short': .*multiple-choice, open"):
        mmmu.load("Pharmacy", "validation")


def test_marks_stay_where_they_are(data: Path, small: None) -> None:
    images = {f"image_{n}": image(b"%d" % n) for n in range(1, 8)}
    sample = load_one(data, question="<image 1> or\n<image 7>?", options="['<image 2>', 'not <image 3>']", **images)
    assert sample.question == "<image 1> or\n<image 7>?"
    assert sample.options == ["<image 2>", "not <image 3>"]
    assert sample.images == [f"mmmu:Pharmacy/validation/0/{n}" for n in range(1, 8)]


def test_marks_are_renumbered_where_an_image_is_lacking(data: Path, small: None) -> None:
    """<image i> must stand for images[i - 1]; <image 10> is not <image 1> followed by a zero."""
    sample = load_one(
        data,
        question="<image 2>, <image 4>, <image 1>, <image 10>, <image>?",
        options="['<image 4>', '<image 3>']",
        image_2=image(b"two"),
        image_4=image(b"four"),
    )
    assert sample.images == ["mmmu:Pharmacy/validation/0/2", "mmmu:Pharmacy/validation/0/4"]
    assert sample.question == "<image 1>, <image 2>, image 1, image 10, <image>?"
    assert sample.options == ["<image 2>", "image 3"]
    assert [mmmu.read_image(uri.partition(":")[2]) for uri in sample.images] == [b"two", b"four"]


@pytest.mark.parametrize("name", ["a.png", "", None])
def test_an_image_is_there_whatever_it_is_called(data: Path, small: None, name: str | None) -> None:
    sample = load_one(data, image_2=image(b"two", name), image_4=None, question="<image 2> and <image 4>")
    assert (sample.images, sample.question) == (["mmmu:Pharmacy/validation/0/2"], "<image 1> and image 4")
    assert mmmu.read_image("Pharmacy/validation/0/2") == b"two"


def test_repeated_ids_are_questions_of_their_own(data: Path, small: None) -> None:
    write(data, ROW, ROW)
    uids = [sample.uid for sample in mmmu.load("Pharmacy", "validation")]
    assert uids == ["mmmu/validation_Pharmacy_1", "mmmu/validation_Pharmacy_1#2"]


def test_rows_and_images_over_several_files(data: Path, small: None) -> None:
    for shard, rows in (("00000-of-00002", (0, 1, 2)), ("00001-of-00002", (3, 4))):
        cells = [ROW | {"id": f"{n}", "image_1": image(png(n)), "image_3": image(png(n + 100))} for n in rows]
        write(data, *cells, split="test", shard=shard)
    samples = mmmu.load("Pharmacy", "test")
    assert [sample.uid for sample in samples] == [f"mmmu/{n}" for n in range(5)]
    assert samples[4].images == ["mmmu:Pharmacy/test/4/1", "mmmu:Pharmacy/test/4/3"]
    for number in range(5):
        assert mmmu.read_image(f"Pharmacy/test/{number}/1") == png(number)
        assert mmmu.read_image(f"Pharmacy/test/{number}/3") == png(number + 100)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_counts_of_a_subject(data: Path, subject: mmmu.Subject) -> None:
    sizes = dict(zip(SUBJECTS, (326, 325, 162, 430, 509), strict=True))
    assert sum(sizes.values()) == 1752
    write(data, *[ROW | {"id": f"{n}", "answer": "?"} for n in range(sizes[subject])], subject=subject, split="test")
    assert len(mmmu.load(subject, "test")) == sizes[subject]
    write(data, *[ROW] * 29, subject=subject)
    with pytest.raises(DataError, match=f"validation/{subject}: 29 .*30.*cut short"):
        mmmu.load(subject, "validation")


def test_kinds_are_counted_once_all_subjects_are_there(data: Path) -> None:
    for subject in SUBJECTS:
        write(data, *[ROW] * 30, subject=subject)
        if subject != SUBJECTS[-1]:
            assert len(mmmu.load(subject, "validation")) == 30
    with pytest.raises(DataError, match=r"validation multiple-choice: 150 .*145"):
        mmmu.load("Pharmacy", "validation")
    write(data, *[OPEN] * 5, *[ROW] * 25, subject="Public_Health")
    samples = [sample for subject in SUBJECTS for sample in mmmu.load(subject, "validation")]
    assert sum(sample.answer_type == "OPEN" for sample in samples) == 5
    assert sum(MMMU.counts[f"validation/{subject}"] for subject in SUBJECTS) == len(samples) == 150


def test_part_of_the_data_need_not_hold_every_kind(data: Path, small: None) -> None:
    for subject in SUBJECTS:
        write(data, ROW, subject=subject)
    assert len(mmmu.load("Pharmacy", "validation")) == 1


def test_no_question_stops_even_partial_data(data: Path, small: None) -> None:
    write(data)
    with pytest.raises(DataError, match=r"validation/Pharmacy: 0 .*30.*no question"):
        mmmu.load("Pharmacy", "validation")


@pytest.mark.parametrize(
    "path",
    [
        "Pharmacy/validation/0",
        "Pharmacy/validation/0/0",
        "Pharmacy/validation/0/8",
        "Pharmacy/validation/-1/1",
        "Pharmacy/validation/0/1/1",
        "Pharmacy/dev/0/1",
        "Art/validation/0/1",
        "../validation/0/1",
    ],
)
def test_what_is_no_image_path_is_refused(data: Path, path: str) -> None:
    write(data, ROW)
    with pytest.raises(DataError, match="<subject>/<split>/<row>/<1 to 7>"):
        mmmu.read_image(path)


@pytest.mark.parametrize(
    ("path", "message"), [("0/2", "Row 0 .*no image .*image_2"), ("1/1", "Row 1 is not in .*; allowed is 0 to 0")]
)
def test_missing_image_is_named(data: Path, path: str, message: str) -> None:
    write(data, ROW)
    with pytest.raises(DataMissing, match=message):
        mmmu.read_image(f"Pharmacy/validation/{path}")


def test_missing_and_broken_files_are_named(data: Path, small: None) -> None:
    with pytest.raises(DataMissing, match=r'hf download MMMU/MMMU --include "Pharmacy/test-\*\.parquet" --repo-type'):
        mmmu.load("Pharmacy", "test")
    path = write(data, ROW, split="test")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet"):
        mmmu.load("Pharmacy", "test")


def test_only_texts_are_read_to_list_questions(data: Path, small: None) -> None:
    """The image columns are damaged on disk, which shows only when an image is read."""
    path = write(data, ROW | {"image_1": image(bytes(100_000), "a.png")})
    column = next(
        column
        for column in (pq.read_metadata(path).row_group(0).column(n) for n in range(pq.read_metadata(path).num_columns))
        if column.path_in_schema == "image_1.bytes"
    )
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    assert len(mmmu.load("Pharmacy", "validation")) == 1
    with pytest.raises(DataError, match="parquet"):
        mmmu.read_image("Pharmacy/validation/0/1")


def test_accepted_answers_without_commas_are_refused_with_their_row(data: Path, small: None) -> None:
    """Python would join the two answers into one that no model gives."""
    for answer, options in (("['4' 'four']", "[]"), ("['4', 'four' '4.0']", "[]")):
        write(data, ROW, OPEN | {"answer": answer, "options": options})
        with pytest.raises(DataError, match=r"mmmu/Pharmacy/validation-\*\.parquet row 1: answer"):
            mmmu.load("Pharmacy", "validation")
    assert load_one(data, **OPEN | {"answer": "[Na+] or 'salt' 'water"}).answer == "[Na+] or 'salt' 'water"
