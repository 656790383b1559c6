"""MMMU (Yue et al. 2024), the five subjects of Health & Medicine: questions with up to seven images among their words.

The validation part has answers. Those of the test part are hidden ("?"): its results come from the authors' server.
"""

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
KINDS = {"multiple-choice": "CHOICE", "open": "OPEN"}
"""``question_type`` and what it is called here."""

HIDDEN = "?"
"""The answer of every test question."""

_COLUMNS = ("id", "question", "options", "answer", "topic_difficulty", "question_type", "subfield")
_IMAGES = range(1, 8)


def load(subject: Subject, split: Split) -> list[Sample]:
    """All questions of a subject, in the files' order. Errors: DataMissing, DataError.

    ``answer`` is the letter of a multiple-choice question, and what the file has for an open one: a text, or the print
    of a list of texts any of which is right. In the test part it is "?".

    A mark ``<image 2>`` in question or options stands for ``images[1]``. Where a row lacks an image of a lower number,
    marks are renumbered accordingly; the mark of an image that is not there becomes plain words.
    """
    files = locate_all(MMMU, f"{subject}/{split}-*.parquet")
    rows = [row for file in files for row in read_rows(file, *_COLUMNS, *(f"image_{n}.path" for n in _IMAGES))]
    check_count(MMMU, f"{split}/{subject}", len(rows))
    if split == "validation":
        _check_kinds(files[0].parents[1])
    place = f"{files[0].parent}/{split}-*.parquet"
    return distinct([_sample(row, subject, split, number, f"{place} row {number}") for number, row in enumerate(rows)])


def read_image(path: str) -> bytes:
    """The image of ``<subject>/<split>/<row>/<n>``: column ``image_<n>``, rows counted from 0 over a subject's files.

    Errors: DataMissing; DataError for other paths.
    """
    parts = re.fullmatch(r"(\w+)/(validation|test)/([0-9]+)/([1-7])", path)
    if not parts or parts[1] not in SUBJECTS:
        raise DataError(f"mmmu: {path!r} is no image, it must read <subject>/<split>/<row>/<1 to 7>")
    return image_of_row(MMMU, f"{parts[1]}/{parts[2]}-*.parquet", int(parts[3]), f"image_{parts[4]}")


def _check_kinds(root: Path) -> None:
    """Over all subjects, how many validation questions have options. Not checked before all of them are there."""
    files = [sorted(root.glob(f"{subject}/validation-*.parquet")) for subject in SUBJECTS]
    if all(files):
        found = Counter(
            row["question_type"] for shards in files for file in shards for row in read_rows(file, "question_type")
        )
        for kind in KINDS:
            check_count(MMMU, f"validation {kind}", found[kind], least=0)


def _sample(row: dict[str, Any], subject: Subject, split: Split, number: int, place: str) -> Sample:
    kind = row["question_type"]
    if kind not in KINDS:
        raise DataError(f"{place}: question_type {kind!r} is none of {', '.join(KINDS)}")
    options = parse_options(row["options"], place) if kind == "multiple-choice" else []
    answer = row["answer"] or ""
    if kind == "open" and answer.startswith("[") and has_texts_run_together(answer):
        raise DataError(
            f"{place}: answer {answer[:80]!r} has texts without a comma between them; each is to be accepted"
        )
    if kind == "multiple-choice" and answer != HIDDEN and answer not in map(letter, range(len(options))):
        answer = ""
    # Only paths were read, and a cell is None exactly where it is null in the file, not where it has no path.
    there = [n for n in _IMAGES if row[f"image_{n}"] is not None]
    return Sample(
        uid=f"mmmu/{row['id']}",
        images=[f"mmmu:{subject}/{split}/{number}/{n}" for n in there],
        question=_renumbered(row["question"] or "", there),
        answer=answer,
        options=[_renumbered(option, there) for option in options],
        answer_type=KINDS[kind],
        content_type=row["subfield"] or "",
        question_type=row["topic_difficulty"] or "",
        subset=subject,
        split=split,
        licence=MMMU.licence,
        source=MMMU.source,
    )


def _renumbered(text: str, there: list[int]) -> str:
    """Marks of images as their columns count them -> as ``images`` counts them."""
    return MARK.sub(lambda mark: _mark(int(mark[1]), there), text)


def _mark(n: int, there: list[int]) -> str:
    return f"<image {there.index(n) + 1}>" if n in there else f"image {n}"
