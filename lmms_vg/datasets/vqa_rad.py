"""VQA-RAD (Lau et al. 2018): the original JSON, closed and open questions of train and test.

The VGRefine paper's Table 1 pools 1,297 questions: not the test split, but answer_type exactly "CLOSED" over the whole
file. Copies on the hub hold neither the answer types nor the rows that were taken for duplicates.
"""

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


class Row(BaseModel):
    """A row of the original JSON. Of its numbers, five are answers; one id is text while the others are numbers."""

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
    """Questions of one part, in the file's order; ``test`` are those whose phrase_type starts with test_.

    Two rows belong to neither part: their answer_type is "CLOSED " with a space, and the published number leaves them
    out. Errors: DataMissing, DataError.
    """
    path = locate(VQA_RAD, JSON)
    rows = parse_rows(Row, path.read_bytes(), path, "VQA-RAD")
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
    """An image file by its ``image_name``. Errors: DataMissing."""
    return read_member(VQA_RAD, IMAGES, path, FOLDER)


def require_images() -> None:
    """Errors: DataMissing if there are none."""
    require_archive(VQA_RAD, IMAGES, FOLDER, "*.jpg")


def _question_type(written: str) -> str:
    """One of eleven types, or "several" where a row names more than one; two are misspelt and one is in lower case."""
    types = {_MISSPELT.get(name.strip().upper(), name.strip().upper()) for name in written.split(",")}
    return types.pop() if len(types) == 1 else "several"


def _sample(row: Row, part: str) -> Sample:
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
