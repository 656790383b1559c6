"""VQA-RAD (Lau et al. 2018): the original JSON, closed and open questions of train and test.

The VGRefine paper's Table 1 counts 1,297 questions: answer_type exactly "CLOSED" over the whole file, not the test split
alone. Copies on the hub lack the answer types, and rows that were considered duplicates.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from lmms_vg.datasets.archives import read_member, require_archive
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.rows import parse_rows
from lmms_vg.datasets.schema import DatasetSpec, Sample, distinct
from lmms_vg.datasets.source import locate, safe_path

JSON = "VQA_RAD Dataset Public.json"
FOLDER = "VQA_RAD Image Folder"
IMAGES = f"{FOLDER}.zip"
VQA_RAD = DatasetSpec(
    name="vqa_rad",
    homepage="https://osf.io/89kps/",
    licence="CC0",
    files={JSON: "about 1.4 MB", IMAGES: "about 17 MB"},
    urls={
        JSON: "https://osf.io/download/6qdas/",
        IMAGES: "https://files.osf.io/v1/resources/89kps/providers/osfstorage/5b21453986d8510011c277bc/?zip=",
    },
    counts={
        "rows": 2248,
        "closed": 1297,
        "open": 949,
        "closed/test": 272,
        "open/test": 179,
        "yes-no/test": 251,
    },
)


_MISSPELT = {"PRSE": "PRES", "ATRIB": "ATTRIB"}


class VqaRadRow(BaseModel):
    """A row of the original JSON; numbers become text: five answers are numbers, and all ids but one."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    qid: str
    phrase_type: str
    image_name: str
    image_organ: str
    question: str
    question_type: str
    answer: str
    answer_type: str


def load(part: Literal["closed", "open"], split: Literal["all", "test"] = "all") -> list[Sample]:
    """Load the questions of one part, in the file's order; split `test` is every phrase_type that starts with test_.

    Two rows belong to neither part: their answer_type is "CLOSED " with a space, and the published number excludes them.

    Raises:
        DataMissing: the file is missing.
        DataError: the file is broken or has a wrong number of questions.
    """
    path = locate(VQA_RAD, JSON)
    rows = parse_rows(VqaRadRow, path.read_bytes(), path, "VQA-RAD")
    check_count(VQA_RAD, "rows", len(rows))
    samples = [_sample(row, part) for row in rows if row.answer_type == part.upper()]
    check_count(VQA_RAD, part, len(samples))
    if split == "test":
        samples = [sample for sample in samples if sample.split == "test"]
        check_count(VQA_RAD, f"{part}/test", len(samples))
        if part == "closed":
            binary = sum(sample.answer.strip().lower() in ("yes", "no") for sample in samples)
            check_count(VQA_RAD, "yes-no/test", binary, least=0)
    return distinct(samples)


def read_image(path: str) -> bytes:
    """Read an image file by its `image_name`.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return read_member(VQA_RAD, IMAGES, path, FOLDER)


def require_images() -> None:
    """Raise DataMissing if there are no images."""
    require_archive(VQA_RAD, IMAGES, FOLDER, "*.jpg")


def _question_type(text: str) -> str:
    """Return one of eleven types, or "several"; the file misspells two types and has one in lower case."""
    types = {_MISSPELT.get(name.strip().upper(), name.strip().upper()) for name in text.split(",")}
    return types.pop() if len(types) == 1 else "several"


def _sample(row: VqaRadRow, part: str) -> Sample:
    return Sample(
        uid=f"vqa_rad/{row.qid}",
        images=[f"vqa_rad:{safe_path(row.image_name)}"],
        question=row.question,
        answer=row.answer,
        answer_type=row.answer_type,
        organ=row.image_organ,
        question_type=_question_type(row.question_type),
        subset=part,
        split="test" if row.phrase_type.startswith("test_") else "train",
        licence=VQA_RAD.licence,
        source=VQA_RAD.source,
    )
