"""OmniMedVQA (Hu et al. 2024), the open-access part: 42 JSON files of questions with two to four options each.

Results are reported per modality, for eight modalities; the published counts add up to 88,995. Some rows of
`Chest CT Scan.json` have the key `modality` instead of `modality_type`. Counts by others differ by one such row, so
these rows are used only where the published count is not reached without them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from lmms_vg.datasets.archives import archive_root, list_files, read_file, read_member, require_archive
from lmms_vg.datasets.counts import PARTIAL_ENV, check_count, partial_allowed
from lmms_vg.datasets.options import letter_of
from lmms_vg.datasets.rows import parse_rows
from lmms_vg.datasets.schema import DatasetSpec, Sample, distinct
from lmms_vg.datasets.source import DataError, missing, safe_path

Modality = Literal["ct", "fp", "mri", "oct", "der", "mic", "xray", "us"]

ARCHIVE = "OmniMedVQA.zip"
FOLDER = "OmniMedVQA"
QUESTIONS = "QA_information/Open-access"
#: Number of JSON files in `QUESTIONS`.
FILES = 42

#: Modality -> its column heading in published tables.
NAMES: dict[Modality, str] = {
    "ct": "CT",
    "fp": "FP",
    "mri": "MRI",
    "oct": "OCT",
    "der": "Der",
    "mic": "Mic",
    "xray": "X-Ray",
    "us": "US",
}

#: The files' name of a modality -> modality.
SPELLINGS: dict[str, Modality] = {
    "CT(Computed Tomography)": "ct",
    "Fundus Photography": "fp",
    "MR (Mag-netic Resonance Imaging)": "mri",
    "OCT (Optical Coherence Tomography": "oct",  # without a closing parenthesis
    "OCT (Optical Coherence Tomography)": "oct",
    "Dermoscopy": "der",
    "Microscopy Images": "mic",
    "X-Ray": "xray",
    "ultrasound": "us",
}

OMNIMEDVQA = DatasetSpec(
    name="omnimedvqa",
    hub_id="foreverbeliever/OmniMedVQA",
    revision="1ba51c28fc0773bdf7efb8396e5bcfd4227e22da",
    licence="per source; open-access part",
    files={ARCHIVE: "about 10.7 GB"},
    counts={
        "ct": 15808,
        "fp": 5398,
        "mri": 31877,
        "oct": 4646,
        "der": 6679,
        "mic": 5680,
        "xray": 7916,
        "us": 10991,
    },
)


class OmniMedVqaRow(BaseModel):
    """A row of the JSON files, with the keys that are used."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    dataset: str
    question_id: str
    question_type: str = ""
    question: str
    gt_answer: str
    image_path: str
    option_A: str | None = None
    option_B: str | None = None
    option_C: str | None = None
    option_D: str | None = None
    modality_type: str | None = None
    modality: str | None = None


class OmniMedVqaEntry(NamedTuple):
    """A question; `regular` if its row has the key `modality_type`, which published counts use."""

    modality: Modality
    regular: bool
    sample: Sample


def load(modality: Modality) -> list[Sample]:
    """Load all questions of a modality, files in the order of their names.

    Rows that are not regular are used only where the published count is not reached without them.

    Raises:
        DataMissing: the archive is missing.
        DataError: a file is broken or the modality has a wrong number of questions.
    """
    entries = [entry for entry in _read(archive_root(OMNIMEDVQA, ARCHIVE)) if entry.modality == modality]
    regular = [entry for entry in entries if entry.regular]
    if len(regular) == OMNIMEDVQA.counts[modality]:
        entries = regular
    check_count(OMNIMEDVQA, modality, len(entries))
    return [entry.sample for entry in entries]


def read_image(path: str) -> bytes:
    """Read an image file by its `image_path`.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return read_member(OMNIMEDVQA, ARCHIVE, path, FOLDER)


def require_images() -> None:
    """Raise DataMissing if there are no images."""
    require_archive(OMNIMEDVQA, ARCHIVE, "Images", f"{FOLDER}/Images")


@cache  # used by eight tasks, each of whose questions are spread over many files
def _read(root: Path) -> list[OmniMedVqaEntry]:
    names = list_files(root, QUESTIONS, ".json", FOLDER)
    if not names:
        raise missing(OMNIMEDVQA, ARCHIVE, f"{QUESTIONS}/*.json is in no zip and no folder {FOLDER} of {root}.")
    if len(names) != FILES and not partial_allowed():
        raise DataError(
            f"{root}: {len(names)} JSON files in {QUESTIONS}, {FILES} expected; probably another version, or not "
            f"all files were extracted. {PARTIAL_ENV}=1 runs on part of the data."
        )
    entries = [_entry(row, f"{name} row {number}") for name in names for number, row in enumerate(_rows(root, name))]
    samples = distinct([entry.sample for entry in entries])
    return [entry._replace(sample=sample) for entry, sample in zip(entries, samples, strict=True)]


def _rows(root: Path, name: str) -> list[OmniMedVqaRow]:
    data = read_file(root, name, FOLDER) or b""
    return parse_rows(OmniMedVqaRow, data, f"{root}: {name}", "OmniMedVQA")


def _entry(row: OmniMedVqaRow, place: str) -> OmniMedVqaEntry:
    spelling = row.modality if row.modality_type is None else row.modality_type
    modality = SPELLINGS.get((spelling or "").strip())
    if modality is None:
        raise DataError(f"omnimedvqa {place}: modality {spelling!r}: allowed is {', '.join(SPELLINGS)}")
    try:
        image = safe_path(row.image_path) if row.image_path else ""  # opening its image will fail
    except DataError as error:
        raise DataError(f"omnimedvqa {place}: {error}") from error
    options = [option for option in (row.option_A, row.option_B, row.option_C, row.option_D) if option]
    sample = Sample(
        uid=f"omnimedvqa/{row.dataset}/{row.question_id}",
        images=[f"omnimedvqa:{image}"],
        question=row.question,
        answer=letter_of(row.gt_answer, options) or "",
        options=options,
        answer_type="CHOICE",
        modality=NAMES[modality],
        question_type=row.question_type,
        subset=row.dataset,
        split="test",
        licence=OMNIMEDVQA.licence,
        source=OMNIMEDVQA.source,
    )
    return OmniMedVqaEntry(modality, row.modality_type is not None, sample)
