"""OmniMedVQA (Hu et al. 2024), the open-access part: 42 JSON files of questions with two to four options each.

Results are reported for each of eight modalities; the published counts add up to 88,995. ``Chest CT Scan.json`` has rows
with the key ``modality`` where all others have ``modality_type``. Recounts differ by one such row, so those rows are
taken exactly where the published count is not met without them.
"""

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
FILES = 42
"""How many JSON files ``QUESTIONS`` has."""

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
"""The modalities as they head the columns of published tables."""

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
"""The modalities as the files have them."""

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


class Row(BaseModel):
    """A row of the JSON files; keys that are not used are not read."""

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


class Entry(NamedTuple):
    """``regular``: the modality stands under the key that published counts go by."""

    modality: Modality
    regular: bool
    sample: Sample


def load(modality: Modality) -> list[Sample]:
    """All questions of a modality, files in the order of their names. Errors: DataMissing, DataError.

    Rows that are not regular are taken only where the published count is not met without them.
    """
    entries = [entry for entry in _read(archive_root(OMNIMEDVQA, ARCHIVE)) if entry.modality == modality]
    regular = [entry for entry in entries if entry.regular]
    if len(regular) == OMNIMEDVQA.counts[modality]:
        entries = regular
    check_count(OMNIMEDVQA, modality, len(entries))
    return [entry.sample for entry in entries]


def read_image(path: str) -> bytes:
    """An image file by its ``image_path``. Errors: DataMissing."""
    return read_member(OMNIMEDVQA, ARCHIVE, path, FOLDER)


def require_images() -> None:
    """Errors: DataMissing if there are none."""
    require_archive(OMNIMEDVQA, ARCHIVE, "Images", f"{FOLDER}/Images")


@cache  # eight tasks ask for it, and each modality is spread over many files
def _read(root: Path) -> list[Entry]:
    names = list_files(root, QUESTIONS, ".json", FOLDER)
    if not names:
        raise missing(OMNIMEDVQA, ARCHIVE, f"{QUESTIONS}/*.json is in no zip and no folder {FOLDER} of {root}.")
    if len(names) != FILES and not partial_allowed():
        raise DataError(
            f"{root}: {len(names)} JSON files in {QUESTIONS}, {FILES} expected; probably of another version, or not "
            f"all of them were extracted. {PARTIAL_ENV}=1 runs on what is there."
        )
    entries = [_entry(row, f"{name} row {number}") for name in names for number, row in enumerate(_rows(root, name))]
    samples = distinct([entry.sample for entry in entries])
    return [entry._replace(sample=sample) for entry, sample in zip(entries, samples, strict=True)]


def _rows(root: Path, name: str) -> list[Row]:
    data = read_file(root, name, FOLDER) or b""
    return parse_rows(Row, data, f"{root}: {name}", "OmniMedVQA")


def _entry(row: Row, place: str) -> Entry:
    written = row.modality if row.modality_type is None else row.modality_type
    modality = SPELLINGS.get((written or "").strip())
    if modality is None:
        raise DataError(f"omnimedvqa {place}: modality {written!r} is none of {', '.join(SPELLINGS)}")
    try:
        image = safe_path(row.image_path) if row.image_path else ""  # such a row fails when its image is opened
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
    return Entry(modality, row.modality_type is not None, sample)
