"""SLAKE (Liu et al. 2021), the English part: closed and open questions of all three splits.

The VGRefine paper's Table 1 counts 2,781 questions: q_lang "en" and answer_type exactly "CLOSED" over train, validation and
test, not the test split alone. 387 of them are not yes/no questions. Most other papers report the test split alone.
"""

from __future__ import annotations

from typing import Literal

from loguru import logger
from pydantic import BaseModel

from lmms_vg.datasets.archives import read_member, require_archive
from lmms_vg.datasets.counts import check_count, partial_allowed
from lmms_vg.datasets.rows import parse_rows
from lmms_vg.datasets.schema import DatasetSpec, Sample, distinct
from lmms_vg.datasets.source import DataError, DataMissing, locate, safe_path

IMAGES = "imgs.zip"
SLAKE = DatasetSpec(
    name="slake",
    hub_id="BoKelvin/SLAKE",
    licence="CC-BY-4.0",
    files={
        "train.json": "about 3 MB",
        "validation.json": "about 0.6 MB",
        "test.json": "about 0.6 MB",
        IMAGES: "about 0.2 GB",
    },
    counts={
        "closed/train": 1943,
        "closed/validation": 422,
        "closed/test": 416,
        "open/train": 2976,
        "open/validation": 631,
        "open/test": 645,
        # Those that name an object of `slake_objects.json`, whether or not the image has it.
        "named closed/train": 1171,
        "named closed/validation": 226,
        "named closed/test": 228,
        "named open/train": 1444,
        "named open/validation": 307,
        "named open/test": 319,
    },
)
#: Split -> names that its file may have.
SPLITS = {"train": ("train.json",), "validation": ("validation.json", "validate.json"), "test": ("test.json",)}


class SlakeRow(BaseModel):
    """A row of the original JSON, with the keys that are used; those used for breakdowns only may be absent."""

    img_name: str
    question: str
    answer: str
    q_lang: str
    location: str = ""
    modality: str
    answer_type: str
    base_type: str = ""
    content_type: str = ""
    qid: int


def load(part: Literal["closed", "open"], split: Literal["all", "test"] = "all") -> list[Sample]:
    """Load the English questions of one part, of all three splits or of test alone, in the files' order.

    Raises:
        DataMissing: a file is missing.
        DataError: a file is broken or a split has a wrong number of questions.
    """
    names = list(SPLITS) if split == "all" else [split]
    samples = []
    for name in names:
        rows = [row for row in _read(SPLITS[name]) if row.q_lang == "en" and row.answer_type == part.upper()]
        check_count(SLAKE, f"{part}/{name}", len(rows), least=0)  # other splits may have questions
        samples += [_sample(row, part, name) for row in rows]
    if not samples:
        raise DataError(f"slake: no {part} question in {', '.join(names)}")
    return distinct(samples)


def read_image(path: str) -> bytes:
    """Read an image file by its `img_name`.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return read_member(SLAKE, IMAGES, path, "imgs")


def require_images() -> None:
    """Raise DataMissing if there are no images."""
    require_archive(SLAKE, IMAGES, "imgs", "xmlab*")


def _read(names: tuple[str, ...]) -> list[SlakeRow]:
    try:
        path = locate(SLAKE, *names)
    except DataMissing as error:
        if not partial_allowed():
            raise
        logger.warning(str(error))
        return []
    return parse_rows(SlakeRow, path.read_bytes(), path, "SLAKE")


def _sample(row: SlakeRow, part: str, split: str) -> Sample:
    return Sample(
        uid=f"slake/{split}/{row.qid}",
        images=[f"slake:{safe_path(row.img_name)}"],
        question=row.question,
        answer=row.answer,
        answer_type=row.answer_type,
        modality=row.modality,
        organ=row.location,
        content_type=row.content_type,
        question_type=row.base_type,
        subset=part,
        split=split,
        licence=SLAKE.licence,
        source=SLAKE.source,
    )
