"""PMC-VQA: irregular rows and the places of images."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from raw import put_zip

from lmms_vg.datasets import counts, pmc_vqa
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError, DataMissing

HEADER = ["Figure_path", "Question", "Answer", "Choice A", "Choice B", "Choice C", "Choice D", "Answer_label"]
ROW = ["PMC1_F1.jpg", " What is it? ", "X-ray", " A:X-ray ", " B:CT ", " C:MR ", " D:Ultrasound ", "A"]


def write(data: Path, *rows: list[str], header: list[str] = HEADER, encoding: str = "utf-8") -> Path:
    path = data / "pmc_vqa" / "test_clean.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def changed(**cells: str) -> list[str]:
    return [cells.get(name.replace(" ", "_"), cell) for name, cell in zip(HEADER, ROW, strict=True)]


def load_one(data: Path, **cells: str) -> Sample:
    write(data, changed(**cells))
    (sample,) = pmc_vqa.load()
    return sample


def test_a_row(data: Path, small: None) -> None:
    sample = load_one(data)
    assert sample.uid == "pmc_vqa/0"
    assert sample.images == ["pmc_vqa:PMC1_F1.jpg"]
    assert sample.question == "What is it?"
    assert sample.options == ["X-ray", "CT", "MR", "Ultrasound"]
    assert (sample.answer, sample.answer_type) == ("A", "CHOICE")
    assert "licence of their article" in sample.licence


def test_real_rows(shared_data: Path, data: Path, small: None) -> None:
    raw = (shared_data / "pmc_vqa" / "test_clean_style_rows.csv").read_bytes()
    write(data).write_bytes(raw)
    samples = pmc_vqa.load()
    assert [sample.answer for sample in samples] == ["B", "B", "A", "A", "A"]
    assert samples[0].options == ["X-ray", "Magnetic resonance imaging", "Computed tomography", "Ultrasound"]
    assert samples[2].options == ["One patient", "Two patients", "Three patients", "Four patients"]
    assert samples[3].options == ["Non-enhanced area", "Axillary tumor", "Normal breast tissue", "Benign mass"]
    assert samples[4].options[0] == "N/A"
    assert samples[4].options[3] == "None of the above."


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (" A:X-ray ", "X-ray"),
        ("\xa0A:\xa0X-ray\xa0", "X-ray"),
        (" B:left\xa0 lung", "left lung"),
        (" D:Benign mass ", "Benign mass"),
        ("'A:One patient ", "One patient"),
        (" D:Four patients ' ", "Four patients"),
        ("A:'One patient ", "One patient"),
        ("'A:the patient's left", "the patient's left"),
        ("'A:Crohn's disease'", "Crohn's disease"),
        ("' A: Crohn's disease '", "Crohn's disease"),
        ('"A:Crohn\'s disease"', "Crohn's disease"),
        ("A:Crohn's disease'", "Crohn's disease"),
        (" 'A:Crohn's disease ", "Crohn's disease"),
        ("A:Crohn's disease ' ", "Crohn's disease"),
        ("'A:read from 3'", "read from 3"),
        ("'A:the patients'", "the patients"),
        ("A:the patients'", "the patients'"),
        ('A:3" wide', '3" wide'),
        ('A:a mass of 3"', 'a mass of 3"'),
        ('A:a mass"', "a mass"),
        ("A:5'-3' end", "5'-3' end"),
        ("A:'Crohn's disease'", "'Crohn's disease'"),
        ('A:the "halo" sign', 'the "halo" sign'),
        ('A:"halo"', '"halo"'),
        ("A:the patient's left", "the patient's left"),
        ("A:read from 3'", "read from 3'"),
        (" A: N/A ", "N/A"),
        ("A:nan", "nan"),
        ("A:None", "None"),
        ("A:1:20 dilution", "1:20 dilution"),
        ("A:T1: bright", "T1: bright"),
        ("A:B: the lower part", "B: the lower part"),
        ("Aorta: left", "Aorta: left"),
        ("A:", ""),
        ("", ""),
    ],
)
def test_options_lose_their_letters_and_nothing_else(data: Path, small: None, raw: str, text: str) -> None:
    assert load_one(data, Choice_A=raw).options == [text, "CT", "MR", "Ultrasound"]


@pytest.mark.parametrize(
    ("label", "answer", "letter"),
    [
        ("C", "MR", "C"),
        (" C ", "no such option", "C"),
        ("C", "no such option", "C"),
        ("C", "CT", "C"),  # a valid label wins
        ("'", "MR", "C"),
        ("'", "'MR", "C"),
        ("", " mr ", "C"),
        ("'", "'MR'", "C"),
        ("'", '"MR', "C"),
        ("E", "C:MR", ""),
        ("", "", ""),
        ("AB", "something else", ""),
        ("nan", "Ultrasound", "D"),
    ],
)
def test_the_right_letter(data: Path, small: None, label: str, answer: str, letter: str) -> None:
    assert load_one(data, Answer_label=label, Answer=answer).answer == letter


def test_an_answer_in_quotes_is_the_option_without(data: Path, small: None) -> None:
    sample = load_one(data, Choice_B="'B:Crohn's disease'", Answer="'Crohn's disease'", Answer_label="'")
    assert (sample.options[1], sample.answer) == ("Crohn's disease", "B")


@pytest.mark.parametrize("text", ["X-ray", "Crohn's disease", "the patient's left", "1:20 dilution", "5' long", "N/A"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_no_quote_around_or_beside_an_option_stays(data: Path, small: None, text: str, quote: str) -> None:
    for left in ("", quote, f"{quote} ", f" {quote}"):
        for right in ("", f" {quote}", f" {quote} "):
            assert load_one(data, Choice_A=f"{left}A:{text}{right}").options[0] == text
        assert load_one(data, Choice_A=f"{quote}A:{text}{quote}").options[0] == text


def test_of_equal_options_none_is_guessed(data: Path, small: None) -> None:
    assert load_one(data, Answer_label="'", Choice_B=" B:X-ray").answer == ""


@pytest.mark.parametrize("answer", ["N/A", "nan", "None", "NULL"])
def test_words_that_look_like_nothing_are_answers(data: Path, small: None, answer: str) -> None:
    assert load_one(data, Answer_label="'", Choice_D=f" D:{answer} ", Answer=answer).answer == "D"


def test_columns_go_by_name_and_a_byte_order_mark_is_none_of_them(data: Path, small: None) -> None:
    order = [7, 0, 6, 5, 4, 3, 2, 1]
    header = ["index", *(f" {HEADER[place]} " for place in order)]
    write(data, ["0", *(ROW[place] for place in order)], header=header, encoding="utf-8-sig")
    turned = pmc_vqa.load()
    write(data, ROW, encoding="utf-8-sig")
    assert turned == pmc_vqa.load()
    assert turned[0].options == ["X-ray", "CT", "MR", "Ultrasound"]


def test_commas_quotes_and_line_ends_inside_a_cell(data: Path, small: None) -> None:
    write(data, changed(Question='What, if "any",\nis it?', Choice_B=" B:CT, MR\r\nand PET"), ROW)
    samples = pmc_vqa.load()
    assert samples[0].question == 'What, if "any", is it?'
    assert samples[0].options[1] == "CT, MR and PET"
    assert samples[1].uid == "pmc_vqa/1"


def test_short_and_empty_rows(data: Path, small: None) -> None:
    path = write(data, ROW[:3], changed(Figure_path=""))
    path.write_text(path.read_text() + "\n\n")
    short, imageless = pmc_vqa.load()
    assert (short.question, short.options, short.answer) == ("What is it?", ["", "", "", ""], "")
    assert imageless.images == ["pmc_vqa:"]  # open_image refuses it, so the question fails visibly


def test_two_thousand_rows_and_not_one_more_or_less(data: Path) -> None:
    write(data, *[ROW] * 2000)
    samples = pmc_vqa.load()
    assert len({sample.uid for sample in samples}) == 2000
    for number, cause in ((1999, "cut short"), (2001, "another version")):
        write(data, *[ROW] * number)
        with pytest.raises(DataError, match=f"{number} .*2000.*{cause}"):
            pmc_vqa.load()


def test_partial_data_are_noted(data: Path, small: None) -> None:
    write(data, ROW)
    assert len(pmc_vqa.load()) == 1
    assert "1 questions found, 2000 expected" in counts.deviations["pmc_vqa test_clean"]
    write(data)
    with pytest.raises(DataError, match=r"pmc_vqa test_clean: 0 .*2000.*no question"):
        pmc_vqa.load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a CSV file"),
        (b"Figure_path,Question\nx,y\n", "no column Answer, Choice A"),
        (b"version https://git-lfs.github.com/spec/v1\n", "no column Figure_path"),
        (b"Figure_path\n\xff\xfe\n", "not a CSV file"),
        (b"Figure_path\r\n" * 4 + b"\xed\xa0\x80", "not UTF-8"),
        (b'Figure_path\n"' + b"x" * 200_000, "not a CSV file"),
    ],
)
def test_broken_file_is_named(data: Path, content: bytes, message: str) -> None:
    write(data).write_bytes(content)
    with pytest.raises(DataError, match=rf"test_clean\.csv(, line [25])?: .*{message}"):
        pmc_vqa.load()


@pytest.mark.parametrize("figure", ["../../etc/passwd", "/etc/passwd"])
def test_image_paths_that_lead_out_are_refused_with_their_row(data: Path, small: None, figure: str) -> None:
    write(data, ROW, changed(Figure_path=figure))
    with pytest.raises(DataError, match=r"row 1: .*leads out"):
        pmc_vqa.load()


@pytest.mark.parametrize(
    "folder", ["images.zip:images/", "images.zip:", "images.zip:figures/", "images/", "figures/", ""]
)
def test_image(lay: Callable[[str, bytes], None], folder: str) -> None:
    lay(f"pmc_vqa/{folder}PMC1_F1.jpg", b"pixels")
    pmc_vqa.require_images()
    assert pmc_vqa.read_image("PMC1_F1.jpg") == b"pixels"


def test_missing_files_are_named(data: Path) -> None:
    command = "hf download RadGenome/PMC-VQA {} --repo-type dataset"
    with pytest.raises(DataMissing, match=command.format(r"test_clean\.csv")):
        pmc_vqa.load()
    write(data, ROW)
    with pytest.raises(DataMissing, match=command.format(r"images\.zip")):
        pmc_vqa.require_images()
    put_zip(data / "pmc_vqa" / "images.zip", {"images/PMC2_F1.jpg": b""})
    pmc_vqa.require_images()
    with pytest.raises(DataMissing, match=r"images\.zip \(about 18\.9 GB\)\. PMC1_F1\.jpg .*'images' or 'figures'"):
        pmc_vqa.read_image("PMC1_F1.jpg")
