"""MMMU (Yue et al. 2024), the five subjects of Health & Medicine: questions with up to seven images within the text.

The validation split has answers. Those of the test split are hidden ("?"): the authors' server scores it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal, get_args

from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.options import has_texts_run_together, letter, parse_options
from lmms_vg.datasets.parquet_images import image_of_row, read_rows
from lmms_vg.datasets.schema import MARK, DatasetSpec, Sample, distinct
from lmms_vg.datasets.source import DataError, locate_all

Subject = Literal[
    "Basic_Medical_Science",
    "Clinical_Medicine",
    "Diagnostics_and_Laboratory_Medicine",
    "Pharmacy",
    "Public_Health",
]
Split = Literal["validation", "test"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)

MMMU = DatasetSpec(
    name="mmmu",
    hub_id="MMMU/MMMU",
    revision="98e6ac0cb9b7b2cd2c991b85a50762edc4aedc68",
    licence="Apache-2.0",
    files={
        f"{subject}/{split}-*.parquet": size
        for subject in SUBJECTS
        for split, size in (("validation", "some MB"), ("test", "up to 0.1 GB"))
    },
    counts={f"validation/{subject}": 30 for subject in SUBJECTS}
    | {
        "validation multiple-choice": 145,
        "validation open": 5,
        "test/Basic_Medical_Science": 326,
        "test/Clinical_Medicine": 325,
        "test/Diagnostics_and_Laboratory_Medicine": 162,
        "test/Pharmacy": 430,
        "test/Public_Health": 509,
    },
)
#: `question_type` -> `Sample.answer_type`.
KINDS = {"multiple-choice": "CHOICE", "open": "OPEN"}

#: The answer that the files have for every test question.
HIDDEN = "?"

_COLUMNS = ("id", "question", "options", "answer", "topic_difficulty", "question_type", "subfield")
_IMAGES = range(1, 8)


def load(subject: Subject, split: Split) -> list[Sample]:
    """Load all questions of a subject, in the files' order.

    The answer of a multiple-choice question is a letter. The answer of an open question is the file's: a text, or a
    printed list of texts, each of which is right. Answers of the test split are "?".

    A mark `<image 2>` in question or options stands for `images[1]`. Where a row lacks an image of a lower number,
    marks are renumbered; the mark of a missing image becomes plain words.

    Raises:
        DataMissing: a file is missing.
        DataError: a file is broken or the subject has a wrong number of questions.
    """
    files = locate_all(MMMU, f"{subject}/{split}-*.parquet")
    rows = [row for file in files for row in read_rows(file, *_COLUMNS, *(f"image_{n}.path" for n in _IMAGES))]
    check_count(MMMU, f"{split}/{subject}", len(rows))
    if split == "validation":
        _check_kinds(files[0].parents[1])
    place = f"{files[0].parent}/{split}-*.parquet"
    return distinct([_sample(row, subject, split, number, f"{place} row {number}") for number, row in enumerate(rows)])


def read_image(path: str) -> bytes:
    """Read the image of `<subject>/<split>/<row>/<n>`: column `image_<n>`, rows counted from 0 over a subject's files.

    Raises:
        DataMissing: there is no such image.
        DataError: the path has another form.
    """
    parts = re.fullmatch(r"(\w+)/(validation|test)/([0-9]+)/([1-7])", path)
    if not parts or parts[1] not in SUBJECTS:
        raise DataError(f"mmmu: {path!r} is not an image; allowed is <subject>/<split>/<row>/<1 to 7>")
    return image_of_row(MMMU, f"{parts[1]}/{parts[2]}-*.parquet", int(parts[3]), f"image_{parts[4]}")


def _check_kinds(root: Path) -> None:
    """Check how many validation questions of all subjects have options, once the files of all subjects are present."""
    files = [sorted(root.glob(f"{subject}/validation-*.parquet")) for subject in SUBJECTS]
    if all(files):
        kinds = Counter(
            row["question_type"] for shards in files for file in shards for row in read_rows(file, "question_type")
        )
        for kind in KINDS:
            check_count(MMMU, f"validation {kind}", kinds[kind], least=0)


def _sample(row: dict[str, Any], subject: Subject, split: Split, number: int, place: str) -> Sample:
    kind = row["question_type"]
    if kind not in KINDS:
        raise DataError(f"{place}: question_type {kind!r}: allowed is {', '.join(KINDS)}")
    options = parse_options(row["options"], place) if kind == "multiple-choice" else []
    answer = row["answer"] or ""
    if kind == "open" and answer.startswith("[") and has_texts_run_together(answer):
        raise DataError(
            f"{place}: answer {answer[:80]!r} has texts without a comma between them; allowed is a list with commas"
        )
    if kind == "multiple-choice" and answer != HIDDEN and answer not in map(letter, range(len(options))):
        answer = ""
    # Only paths were read. A cell without a path is not None: it is None only where the file has null.
    numbers = [n for n in _IMAGES if row[f"image_{n}"] is not None]
    return Sample(
        uid=f"mmmu/{row['id']}",
        images=[f"mmmu:{subject}/{split}/{number}/{n}" for n in numbers],
        question=_renumbered(row["question"] or "", numbers),
        answer=answer,
        options=[_renumbered(option, numbers) for option in options],
        answer_type=KINDS[kind],
        content_type=row["subfield"] or "",
        question_type=row["topic_difficulty"] or "",
        subset=subject,
        split=split,
        licence=MMMU.licence,
        source=MMMU.source,
    )


def _renumbered(text: str, numbers: list[int]) -> str:
    """Replace column numbers in marks by places in `Sample.images`; `numbers` are the columns that have an image."""
    return MARK.sub(lambda mark: _mark(int(mark[1]), numbers), text)


def _mark(n: int, numbers: list[int]) -> str:
    return f"<image {numbers.index(n) + 1}>" if n in numbers else f"image {n}"
