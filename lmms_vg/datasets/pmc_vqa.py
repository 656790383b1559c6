"""PMC-VQA (Zhang et al. 2023), the 2,000 questions of `test_clean.csv`: figures of articles, four options per question.

The hub also has test.csv and test_2.csv, which are other sets. A language model wrote the rows, and they have its errors:
options start with letters other than their column's, unpaired quotation marks remain, and labels may be broken.
"""

from __future__ import annotations

import csv
import re
from io import StringIO

from lmms_vg.datasets.archives import read_member, require_archive
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.options import letter_of
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError, locate, safe_path

QUESTIONS = "test_clean.csv"
IMAGES = "images.zip"
PMC_VQA = DatasetSpec(
    name="pmc_vqa",
    hub_id="RadGenome/PMC-VQA",
    licence="see the dataset card; figures keep the licence of their article",
    files={QUESTIONS: "about 0.4 MB", IMAGES: "about 18.9 GB"},
    counts={"test_clean": 2000},
)
#: Names that the folder of extracted images may have.
FOLDERS = ("images", "figures")

CHOICES = ("Choice A", "Choice B", "Choice C", "Choice D")
COLUMNS = ("Figure_path", "Question", "Answer", *CHOICES, "Answer_label")

_LETTERED = re.compile(r"""(['"]?)\s*[A-D]\s*:(.*)""")
_MARK = {quote: re.compile(rf"(?<!\w){quote}|{quote}(?!\w)") for quote in "'\""}
_OPENING = {quote: re.compile(rf"(?<!\S){quote}.") for quote in _MARK}
_CLOSING = {"'": re.compile(r"(?<![s\d])'$"), '"': re.compile(r'(?<!\d)"$')}


def load() -> list[Sample]:
    """Load all rows in the file's order; the answer is "" where a row has no valid one.

    Raises:
        DataMissing: the file is missing.
        DataError: the file is broken or has a wrong number of questions.
    """
    path = locate(PMC_VQA, QUESTIONS)
    data = path.read_bytes()
    try:
        # Not with pandas, which would read the answers "N/A", "nan" and "None" as missing.
        lines = StringIO(data.decode("utf-8-sig"), newline="")
        header, *rows = (row for row in csv.reader(lines) if row)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: not UTF-8 ({error.reason}); the file is broken or not a CSV file"
        ) from error
    except (ValueError, csv.Error) as error:  # ValueError: the file has no line
        raise DataError(f"{path}: {error}; the file is broken or not a CSV file") from error
    names = [name.strip() for name in header]
    if absent := [name for name in COLUMNS if name not in names]:
        raise DataError(f"{path}: no column {', '.join(absent)} among {', '.join(names)}; download the file again")
    check_count(PMC_VQA, "test_clean", len(rows))
    empty = dict.fromkeys(names, "")  # a row that is cut short is kept, and its missing cells are empty
    return [_sample(empty | dict(zip(names, row, strict=False)), number) for number, row in enumerate(rows)]


def read_image(path: str) -> bytes:
    """Read an image file by its `Figure_path`.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return read_member(PMC_VQA, IMAGES, path, *FOLDERS)


def require_images() -> None:
    """Raise DataMissing if there are no images."""
    require_archive(PMC_VQA, IMAGES, *FOLDERS, "*.jpg")


def _sample(row: dict[str, str], number: int) -> Sample:
    figure = row["Figure_path"].strip()
    try:
        image = safe_path(figure) if figure else ""  # a row without an image fails when the image is opened
    except DataError as error:
        raise DataError(f"{PMC_VQA.name} {QUESTIONS} row {number}: {error}") from error
    options = [_choice(row[name]) for name in CHOICES]
    label = row["Answer_label"].strip()
    return Sample(
        uid=f"{PMC_VQA.name}/{number}",
        images=[f"{PMC_VQA.name}:{image}"],
        question=_plain(row["Question"]),
        answer=label if label in tuple("ABCD") else _letter(row["Answer"], options),
        options=options,
        answer_type="CHOICE",
        subset="test_clean",
        split="test",
        licence=PMC_VQA.licence,
        source=PMC_VQA.source,
    )


def _choice(text: str) -> str:
    """Return an option without its letter and without quotation marks around both: `'A:Crohn's disease'`."""
    lettered = _LETTERED.fullmatch(" ".join(text.split()))
    if not lettered:
        return _plain(text)
    quote, text = lettered.groups()
    return _plain(text.removesuffix(quote) if quote else text)


def _letter(answer: str, options: list[str]) -> str:
    """Letter of the option that equals `answer`, with or without quotation marks around it; empty if there is none."""
    text = _plain(answer)
    return letter_of(text, options) or letter_of(text.strip("'\""), options) or ""


def _plain(text: str) -> str:
    """Reduce white space to single spaces, and remove unpaired quotation marks at the ends.

    Not quotation marks are apostrophes within a word (`Crohn's`), and at the end a single mark after an s or a digit
    (`the patients'`, `5'`) or a double mark after a digit (`3"`).
    """
    text = " ".join(text.split())
    for quote, mark in _MARK.items():
        if len(mark.findall(text)) % 2:
            text = text[1:] if text.startswith(quote) else _CLOSING[quote].sub("", text)
        elif not _OPENING[quote].search(text):
            text = text.removesuffix(f" {quote}")
    return text.strip()
