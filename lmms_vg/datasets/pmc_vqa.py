"""PMC-VQA (Zhang et al. 2023), the 2,000 questions of ``test_clean.csv``: figures of articles, four options each.

The hub also has test.csv and test_2.csv, which are other sets. The rows were written by a language model and show it:
options begin with letters that need not be those of their columns, quotes are left over, and labels may be broken.
"""

import csv
import re

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
FOLDERS = ("images", "figures")
"""What the folder of extracted images may be called."""

CHOICES = ("Choice A", "Choice B", "Choice C", "Choice D")
COLUMNS = ("Figure_path", "Question", "Answer", *CHOICES, "Answer_label")

_LETTER = re.compile(r"""^['"]?\s*[A-D]\s*:\s*""")


def load() -> list[Sample]:
    """All rows in the file's order; the right letter is "" where a row does not tell. Errors: DataMissing, DataError."""
    path = locate(PMC_VQA, QUESTIONS)
    try:
        # Not with pandas: "N/A", "nan" and "None" are answers.
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = (row for row in csv.reader(file) if row)
    except (ValueError, csv.Error) as error:  # ValueError: not a single line, or no UTF-8
        raise DataError(f"{path}: {error}; the file is broken or no CSV file") from error
    names = [name.strip() for name in header]
    if absent := [name for name in COLUMNS if name not in names]:
        raise DataError(f"{path}: no column {', '.join(absent)}, only {', '.join(names)}")
    check_count(PMC_VQA, "test_clean", len(rows))
    empty = dict.fromkeys(names, "")  # a row that is cut short is kept, without the rest
    return [_sample(empty | dict(zip(names, row, strict=False)), number) for number, row in enumerate(rows)]


def read_image(path: str) -> bytes:
    """An image file by its ``Figure_path``. Errors: DataMissing."""
    return read_member(PMC_VQA, IMAGES, path, *FOLDERS)


def require_images() -> None:
    """Errors: DataMissing if there are none."""
    require_archive(PMC_VQA, IMAGES, *FOLDERS, "*.jpg")


def _sample(row: dict[str, str], number: int) -> Sample:
    figure = row["Figure_path"].strip()
    try:
        image = safe_path(figure) if figure else ""  # a row without image fails when its image is opened
    except DataError as error:
        raise DataError(f"{PMC_VQA.name} {QUESTIONS} row {number}: {error}") from error
    options = [_plain(_LETTER.sub("", _plain(row[name]))) for name in CHOICES]
    label = row["Answer_label"].strip()
    return Sample(
        uid=f"{PMC_VQA.name}/{number}",
        images=[f"{PMC_VQA.name}:{image}"],
        question=_plain(row["Question"]),
        answer=label if label in tuple("ABCD") else letter_of(_plain(row["Answer"]), options) or "",
        options=options,
        answer_type="CHOICE",
        subset="test_clean",
        split="test",
        licence=PMC_VQA.licence,
        source=PMC_VQA.source,
    )


def _plain(text: str) -> str:
    """Single spaces, and at the ends no quote without a partner. An apostrophe at the end of a word (``5'``) stays."""
    text = " ".join(text.split())
    for quote in "'\"":
        if text.count(quote) % 2:
            text = text[1:] if text.startswith(quote) else text.removesuffix(f" {quote}")
    return text.strip()
