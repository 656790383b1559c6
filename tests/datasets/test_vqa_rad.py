"""VQA-RAD: the rows that are used, irregular values of the original file, and counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raw import put_zip

from lmms_vg.datasets import counts, vqa_rad
from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.source import DataError, DataMissing

ROW = {
    "qid": 5,
    "phrase_type": "freeform",
    "image_name": "synpic1.jpg",
    "image_organ": "HEAD",
    "question": "Is it normal?",
    "question_type": "PRES",
    "answer": "Yes",
    "answer_type": "CLOSED",
}


def write(data: Path, *rows: dict[str, Any], encoding: str = "utf-8") -> None:
    (data / "vqa_rad").mkdir(exist_ok=True)
    (data / "vqa_rad" / vqa_rad.JSON).write_text(json.dumps(rows, ensure_ascii=False), encoding=encoding)


def test_real_counts(real_data: Path) -> None:
    closed, opened = vqa_rad.load("closed"), vqa_rad.load("open")
    assert (len(closed), len(opened)) == (1297, 949)
    assert len({sample.uid for sample in closed + opened}) == 2246
    closed_test, open_test = vqa_rad.load("closed", "test"), vqa_rad.load("open", "test")
    assert (len(closed_test), len(open_test)) == (272, 179)
    assert [sample for sample in closed if sample.split == "test"] == closed_test
    assert sum(sample.answer.lower() in ("yes", "no") for sample in closed_test) == 251
    assert Counter(sample.split for sample in closed + opened) == {"train": 1795, "test": 451}
    assert {sample.organ for sample in closed + opened} == {"HEAD", "CHEST", "ABD"}


def test_real_rows_of_neither_part_and_integer_answers(real_data: Path) -> None:
    samples = {sample.uid: sample for part in ("closed", "open") for sample in vqa_rad.load(part)}
    rows = json.loads((real_data / "vqa_rad" / vqa_rad.JSON).read_text(encoding="utf-8-sig"))
    left_out = [row for row in rows if f"vqa_rad/{row['qid']}" not in samples]
    assert [(row["answer_type"], row["answer"]) for row in left_out] == [("CLOSED ", "Maybe"), ("CLOSED ", "Yes")]
    numbers = {row["qid"]: row["answer"] for row in rows if isinstance(row["answer"], int)}
    assert [samples[f"vqa_rad/{qid}"].answer for qid in numbers] == ["4", "2", "2", "12", "12"]
    assert isinstance(rows[0]["qid"], str)
    assert samples["vqa_rad/0"].question == rows[0]["question"]


def test_every_real_image_opens(real_data: Path) -> None:
    vqa_rad.require_images()
    uris = {uri for part in ("closed", "open") for sample in vqa_rad.load(part) for uri in sample.images}
    assert len(uris) == 314
    assert min(min(open_image(uri).size) for uri in uris) > 100


def test_fields_of_a_sample(data: Path, small: None) -> None:
    write(
        data,
        ROW,
        ROW | {"qid": 6, "phrase_type": "test_para", "question_type": " POS, PRES ", "image_organ": "ABD"},
        ROW | {"qid": 7, "phrase_type": "para", "answer_type": "OPEN", "answer": " the skin "},
    )
    train, test = vqa_rad.load("closed")
    assert (train.uid, train.images, train.question) == ("vqa_rad/5", ["vqa_rad:synpic1.jpg"], "Is it normal?")
    assert (train.answer, train.answer_type, train.organ, train.question_type) == ("Yes", "CLOSED", "HEAD", "PRES")
    assert (train.subset, train.split, train.licence, train.source) == (
        "closed",
        "train",
        "CC0",
        "https://osf.io/89kps/",
    )
    assert (test.uid, test.split, test.organ, test.question_type) == ("vqa_rad/6", "test", "ABD", "several")
    assert vqa_rad.load("closed", "test") == [test]
    (opened,) = vqa_rad.load("open")
    assert (opened.answer, opened.subset, opened.split) == (" the skin ", "open", "train")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_mark_and_letters_beyond_ascii(data: Path, small: None, encoding: str) -> None:
    write(data, ROW | {"question": "Is it 5 µm?"}, encoding=encoding)
    assert [sample.question for sample in vqa_rad.load("closed")] == ["Is it 5 µm?"]


@pytest.mark.parametrize(
    ("answer", "text"), [(4, "4"), (0, "0"), (2.5, "2.5"), ("N/A", "N/A"), ("nan", "nan"), ("None", "None"), ("", "")]
)
def test_answers_stay_what_they_say(data: Path, small: None, answer: object, text: str) -> None:
    write(data, ROW | {"answer": answer})
    assert [sample.answer for sample in vqa_rad.load("closed")] == [text]


@pytest.mark.parametrize("answer_type", ["CLOSED ", " CLOSED", "closed", "OPEN ", ""])
def test_only_exact_answer_types_count(data: Path, small: None, answer_type: str) -> None:
    write(data, ROW, ROW | {"qid": 6, "answer_type": "OPEN"}, ROW | {"qid": 7, "answer_type": answer_type})
    assert [sample.uid for sample in vqa_rad.load("closed")] == ["vqa_rad/5"]
    assert [sample.uid for sample in vqa_rad.load("open")] == ["vqa_rad/6"]


def test_repeated_ids_are_questions_of_their_own(data: Path, small: None) -> None:
    write(data, ROW, ROW | {"qid": "5"}, ROW | {"qid": 6}, ROW)
    uids = [sample.uid for sample in vqa_rad.load("closed")]
    assert uids == ["vqa_rad/5", "vqa_rad/5#2", "vqa_rad/6", "vqa_rad/5#3"]


def test_wrong_count_stops_and_says_both_numbers(data: Path) -> None:
    write(data, ROW)
    with pytest.raises(DataError, match=r"vqa_rad rows: 1 .*2248"):
        vqa_rad.load("closed")


def test_part_of_the_data_need_not_hold_yes_or_no(data: Path, small: None) -> None:
    write(data, ROW | {"phrase_type": "test_freeform", "answer": "left"})
    assert len(vqa_rad.load("closed", "test")) == 1


def rows_of(closed: int, opened: int, closed_test: int, binary: int) -> list[dict[str, Any]]:
    """Make 2,248 rows; the first `closed_test` closed rows are test, and `binary` of them are yes/no."""
    rows = [ROW | {"qid": qid} for qid in range(closed)]
    rows[:closed_test] = [row | {"phrase_type": "test_freeform"} for row in rows[:closed_test]]
    rows[binary:closed_test] = [row | {"answer": "left"} for row in rows[binary:closed_test]]
    rows += [ROW | {"qid": qid, "answer_type": "OPEN"} for qid in range(closed, closed + opened)]
    return rows + [ROW | {"qid": qid, "answer_type": "CLOSED "} for qid in range(closed + opened, 2248)]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((1299, 949, 272, 251), "closed: 1299 .*1297"),
        ((1297, 949, 273, 251), "closed/test: 273 .*272"),
        ((1297, 949, 272, 250), "yes-no/test: 250 .*251"),
    ],
)
def test_each_count_is_asserted(data: Path, numbers: tuple[int, int, int, int], message: str) -> None:
    write(data, *rows_of(1297, 949, 272, 251))
    assert len(vqa_rad.load("closed", "test")) == 272
    write(data, *rows_of(*numbers))
    with pytest.raises(DataError, match=message):
        vqa_rad.load("closed", "test")


def test_open_counts_are_asserted(data: Path) -> None:
    write(data, *rows_of(1297, 948, 272, 251))
    with pytest.raises(DataError, match=r"open: 948 .*949"):
        vqa_rad.load("open")
    write(data, *rows_of(1297, 949, 272, 251))
    with pytest.raises(DataError, match=r"open/test: 0 .*179"):
        vqa_rad.load("open", "test")


def test_relaxed_counts_are_kept_for_the_results(data: Path, small: None) -> None:
    write(data, ROW | {"phrase_type": "test_freeform"})
    assert len(vqa_rad.load("closed", "test")) == 1
    names = ("rows", "closed", "closed/test", "yes-no/test")
    assert counts.deviations.keys() == {f"vqa_rad {name}" for name in names}
    with pytest.raises(DataError, match=r"vqa_rad open: 0 .*949.*no question"):
        vqa_rad.load("open")


@pytest.mark.parametrize(
    "content", ["[{", "{}", '[{"qid": 1}]', '[{"answer": null}]', "", "version https://git-lfs.github.com/spec/v1"]
)
def test_broken_file_is_named(data: Path, content: str) -> None:
    write(data)
    (data / "vqa_rad" / vqa_rad.JSON).write_text(content)
    with pytest.raises(DataError, match=r"VQA_RAD Dataset Public\.json"):
        vqa_rad.load("closed")


def test_image_names_that_lead_out_are_refused(data: Path, small: None) -> None:
    write(data, ROW | {"image_name": "../../etc/passwd"})
    with pytest.raises(DataError, match="leads out"):
        vqa_rad.load("closed")


@pytest.mark.parametrize(
    "place",
    [
        f"{vqa_rad.FOLDER}/synpic1.jpg",
        "synpic1.jpg",
        f"{vqa_rad.IMAGES}:synpic1.jpg",
        f"{vqa_rad.IMAGES}:{vqa_rad.FOLDER}/synpic1.jpg",
        "osfstorage.zip:synpic1.jpg",
    ],
)
def test_image(lay: Callable[[str, bytes], None], place: str) -> None:
    lay(f"vqa_rad/{place}", b"pixels")
    vqa_rad.require_images()
    assert vqa_rad.read_image("synpic1.jpg") == b"pixels"


def test_members_that_lead_out_are_just_not_found(data: Path) -> None:
    put_zip(data / "vqa_rad" / vqa_rad.IMAGES, {"../escaped.jpg": b"", "synpic1.jpg": b"pixels"})
    assert vqa_rad.read_image("synpic1.jpg") == b"pixels"
    with pytest.raises(DataMissing, match=r"escaped\.jpg"):
        vqa_rad.read_image("escaped.jpg")
    assert not list(data.rglob("escaped.jpg"))


def test_missing_files_say_where_to_get_them(data: Path) -> None:
    with pytest.raises(DataMissing, match=r'vqa_rad/VQA_RAD Dataset Public\.json" "https://osf\.io/download/6qdas/"'):
        vqa_rad.load("closed")
    write(data, ROW)
    for use in (vqa_rad.require_images, lambda: vqa_rad.read_image("synpic1.jpg")):
        with pytest.raises(DataMissing, match=r'vqa_rad/VQA_RAD Image Folder\.zip" "https://files\.osf\.io'):
            use()
    (data / "vqa_rad" / vqa_rad.FOLDER).mkdir()
    with pytest.raises(DataMissing, match=r"synpic1\.jpg"):
        vqa_rad.read_image("synpic1.jpg")


def test_without_a_data_folder_all_of_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMMS_VG_DATA", raising=False)
    for use in (lambda: vqa_rad.load("open"), vqa_rad.require_images, lambda: vqa_rad.read_image("synpic1.jpg")):
        with pytest.raises(DataMissing, match="LMMS_VG_DATA is not set"):
            use()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("PRES", "PRES"),
        ("PRSE", "PRES"),
        ("ATRIB", "ATTRIB"),
        ("Other", "OTHER"),
        (" SIZE ", "SIZE"),
        ("POS, PRES", "several"),
        ("PRES,PRSE", "PRES"),
    ],
)
def test_question_types_are_the_eleven_or_several(data: Path, small: None, written: str, read: str) -> None:
    write(data, ROW | {"question_type": written})
    assert vqa_rad.load("closed")[0].question_type == read


def test_real_question_types(real_data: Path) -> None:
    types = {sample.question_type for part in ("closed", "open") for sample in vqa_rad.load(part)}  # type: ignore[arg-type]
    eleven = {"ABN", "ATTRIB", "COLOR", "COUNT", "MODALITY", "ORGAN", "OTHER", "PLANE", "POS", "PRES", "SIZE"}
    assert types == {*eleven, "several"}
