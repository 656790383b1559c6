"""VQA-RAD (Lau et al. 2018): the original JSON, closed and open questions of train and test.

The VGRefine paper's Table 1 pools 1,297 questions: not the test split, but answer_type exactly "CLOSED" over the whole
file. Copies on the hub hold neither the answer types nor the rows that were taken for duplicates.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from lmms_vg.datasets.archives import read_file
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.schema import DatasetSpec, Sample, distinct
from lmms_vg.datasets.source import DataError, local_root, locate, missing, safe_path

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
    rows = _read()
    check_count(VQA_RAD, "rows", len(rows))
    samples = [_sample(row, part) for row in rows if row.answer_type == part.upper()]
    check_count(VQA_RAD, part, len(samples))
    if split == "test":
        samples = [sample for sample in samples if sample.split == "test"]
        check_count(VQA_RAD, f"{part}/test", len(samples))
        if part == "closed":
            binary = sum(sample.answer.strip().lower() in ("yes", "no") for sample in samples)
            check_count(VQA_RAD, "yes-no/test", binary)
    if not samples:
        raise DataError(f"vqa_rad: not one {part} question in {JSON}")
    return distinct(samples)


def read_image(path: str) -> bytes:
    """An image file by its ``image_name``. Errors: DataMissing."""
    root = local_root(VQA_RAD) or locate(VQA_RAD, IMAGES).parent
    data = read_file(root, path, folder=FOLDER)
    if data is None:
        raise missing(VQA_RAD, IMAGES, f"{path} is in no zip and no folder {FOLDER!r} of {root}.")
    return data


def require_images() -> None:
    """Missing images would fail every single question, after the model has been loaded. Errors: DataMissing."""
    root = local_root(VQA_RAD)
    if root is None or not ((root / FOLDER).is_dir() or any(root.glob("*.zip")) or any(root.glob("*.jpg"))):
        locate(VQA_RAD, IMAGES)


def _read() -> list[Row]:
    path = locate(VQA_RAD, JSON)
    try:
        return TypeAdapter(list[Row]).validate_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = " ".join(map(str, first["loc"])) or "the top"
        raise DataError(f"{path}: {first['msg']} at {place}; the file is broken or not VQA-RAD's") from error


def _sample(row: Row, part: str) -> Sample:
    return Sample(
        uid=f"vqa_rad/{row.qid}",
        images=[f"vqa_rad:{safe_path(row.image_name)}"],
        question=row.question,
        answer=row.answer,
        answer_type=row.answer_type,
        organ=row.image_organ,
        question_type=row.question_type.strip(),
        subset=part,
        split="test" if row.phrase_type.startswith("test_") else "train",
        licence=VQA_RAD.licence,
        source=VQA_RAD.source,
    )
