"""PathVQA (He et al. 2020), the test split: yes/no questions (closed) and all others (open).

The VGRefine paper's Table 1 counts 3,362 closed questions: those that remain when rows with the same image, question and
answer are used once. The authors' files have 6,761 rows; the hub's copy has the 6,719 remaining ones.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.parquet_images import image_of_row, read_rows
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError, locate_all

FILES = "data/test-*.parquet"
ROWS = 6719
PATH_VQA = DatasetSpec(
    name="path_vqa",
    hub_id="flaviagiammarino/path-vqa",
    revision="1685832883334b5bb5beaf4e4b333fdeecaa4ad9",
    licence="MIT (questions); images from textbooks and PEIR keep their copyright",
    files={FILES: "about 0.2 GB"},
    counts={"closed": 3362, "open": 3357},
)


class _PathVqaRow(NamedTuple):
    number: int
    first_with_image: int
    question: str
    answer: str

    @property
    def part(self) -> str:
        return "closed" if self.answer.strip().lower() in ("yes", "no") else "open"


def load(part: Literal["closed", "open"]) -> list[Sample]:
    """Load the test questions of one part, in the files' order; questions about one picture share its URI.

    Raises:
        DataMissing: a file is missing.
        DataError: a file is broken or the part has a wrong number of questions.
    """
    samples = [_sample(row, part) for row in _rows(tuple(_files())) if row.part == part]
    check_count(PATH_VQA, part, len(samples))
    return samples


def read_image(path: str) -> bytes:
    """Read the image of `test/<row>`, rows counted from 0 over all files.

    Raises:
        DataMissing: there is no such image.
        DataError: the path has another form.
    """
    split, _, number = path.partition("/")
    if split != "test" or not number.isdecimal():
        raise DataError(f"path_vqa: {path!r} is not an image; allowed is test/<row>")
    return image_of_row(PATH_VQA, FILES, int(number))


def _files() -> list[Path]:
    return locate_all(PATH_VQA, FILES)


@cache  # hashing the images takes seconds, and both parts need it
def _rows(files: tuple[Path, ...]) -> list[_PathVqaRow]:
    first_with: dict[bytes, int] = {}
    rows: list[_PathVqaRow] = []
    for file in files:
        for cells in read_rows(file, "image.bytes", "question", "answer"):
            number = len(rows)
            image = (cells["image"] or {}).get("bytes") or b""
            first = first_with.setdefault(hashlib.sha256(image).digest(), number)
            rows.append(_PathVqaRow(number, first, cells["question"] or "", cells["answer"] or ""))
    # The hub's copy is used as it is, although it may hold one picture under two names with the same questions.
    return rows if len(rows) == ROWS else _without_repeats(rows)


def _without_repeats(rows: list[_PathVqaRow]) -> list[_PathVqaRow]:
    kept: dict[tuple[int, str, str], _PathVqaRow] = {}
    for row in rows:
        kept.setdefault((row.first_with_image, row.question, row.answer), row)
    return list(kept.values())


def _sample(row: _PathVqaRow, part: str) -> Sample:
    return Sample(
        uid=f"path_vqa/test/{row.number}",
        images=[f"path_vqa:test/{row.first_with_image}"],
        question=row.question,
        answer=row.answer,
        answer_type=part.upper(),
        subset=part,
        split="test",
        licence=PATH_VQA.licence,
        source=PATH_VQA.source,
    )
