"""HuatuoGPT-Vision's evaluation data (Chen et al. 2024): six benchmarks in one file, all as multiple choice.

Its parts differ from the benchmarks of the same names elsewhere: they are other questions, or the same questions in
another form, such as yes/no questions with the options "yes" and "no".
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from lmms_vg.datasets.archives import read_member, require_archive
from lmms_vg.datasets.counts import check_count
from lmms_vg.datasets.omnimedvqa import NAMES, SPELLINGS
from lmms_vg.datasets.options import letter, letter_of, parse_options
from lmms_vg.datasets.rows import parse_rows
from lmms_vg.datasets.schema import MARK, DatasetSpec, Sample
from lmms_vg.datasets.source import DataError, locate, safe_path

Dataset = Literal["vqa_rad", "slake", "pathvqa", "pmc_vqa", "omnimedvqa", "mmmu"]

QUESTIONS = "medical_multimodel_evaluation_data.json"  # the published spelling
IMAGES = "images.zip"
MEDICAL_EVAL = DatasetSpec(
    name="medical_eval",
    hub_id="FreedomIntelligence/Medical_Multimodal_Evaluation_Data",
    licence="Apache-2.0 (dataset card); questions and images keep the terms of their sources",
    files={QUESTIONS: "some MB", IMAGES: "size not known"},
    counts={
        "vqa_rad": 251,
        "slake": 416,
        "pathvqa": 3362,
        "pmc_vqa": 2000,
        "omnimedvqa": 11124,
        "mmmu": 145,
        "mmmu with open questions": 150,
    },
)
#: Part -> its name in the file.
DATASETS: dict[Dataset, str] = {
    "vqa_rad": "VQA-RAD_test",
    "slake": "SLAKE_test",
    "pathvqa": "PathVQA_test",
    "pmc_vqa": "PMC-VQA_test",
    "omnimedvqa": "OmniMedVQA",
    "mmmu": "MMMU_Medical_Validation",
}


class MedicalEvalRow(BaseModel):
    """A row of the JSON; `options` is a list, the text of a list, or None."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    question: str
    options: Any = None
    answer: str
    dataset: str
    subset: str | None = None
    image: list[str] | str


def load(dataset: Dataset) -> list[Sample]:
    """Load the questions of one part that have options, in the file's order.

    Five questions of MMMU have no options; the released scorer leaves them out. As in the released code all images
    come before the question: MMMU's marks `<image 1>` would move them, so they become plain words (`image 1`).

    Raises:
        DataMissing: the file is missing.
        DataError: the file is broken or has a wrong number of questions.
    """
    path = locate(MEDICAL_EVAL, QUESTIONS)
    rows = parse_rows(MedicalEvalRow, path.read_bytes(), path, "medical_eval")
    rows = [row for row in rows if row.dataset == DATASETS[dataset]]
    samples = [_sample(row, dataset, number) for number, row in enumerate(rows)]
    if dataset == "mmmu":
        check_count(MEDICAL_EVAL, "mmmu with open questions", len(samples))
        samples = [sample for sample in samples if sample.options]
    check_count(MEDICAL_EVAL, dataset, len(samples))
    return samples


def read_image(path: str) -> bytes:
    """Read an image file by its path in the field `image`.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return read_member(MEDICAL_EVAL, IMAGES, path, "images")


def require_images() -> None:
    """Raise DataMissing if there are no images."""
    require_archive(MEDICAL_EVAL, IMAGES, "images", "*.jpg", "*.png")


def _sample(row: MedicalEvalRow, dataset: Dataset, number: int) -> Sample:
    place = f"medical_eval {QUESTIONS} {row.dataset} row {number}"
    options = parse_options(row.options or [], place)
    # The released scorer takes the first of equal options.
    answer = letter(options.index(row.answer)) if row.answer in options else letter_of(row.answer, options)
    subset = row.subset or ""
    try:
        images = [safe_path(row.image)] if isinstance(row.image, str) else [safe_path(path) for path in row.image]
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
    return Sample(
        uid=f"medical_eval/{dataset}/{number}",
        images=[f"medical_eval:{path}" for path in images],
        question=MARK.sub(r"image \1", row.question),
        answer=answer or "",
        options=[MARK.sub(r"image \1", option) for option in options],
        answer_type="CHOICE",
        modality=NAMES[SPELLINGS[subset]] if subset in SPELLINGS else "",
        subset=subset or dataset,
        split="test",
        licence=MEDICAL_EVAL.licence,
        source=MEDICAL_EVAL.source,
    )
