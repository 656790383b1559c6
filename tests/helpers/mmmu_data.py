"""MMMU's files with the real number of questions, all about the same small picture."""

from __future__ import annotations

from pathlib import Path

from raw import IMAGES, OPTIONS, png, put_parquet

from lmms_vg.datasets.mmmu import HIDDEN, MMMU, SUBJECTS, Split, Subject


def write_split(data: Path, split: Split, *subjects: Subject) -> None:
    """Fill an LMMS_VG_DATA folder, by default with all subjects; every fifth question has no options."""
    for subject in subjects or SUBJECTS:
        count = MMMU.counts[f"{split}/{subject}"]
        put_parquet(
            data / "mmmu" / subject / f"{split}-00000-of-00001.parquet",
            [_row(subject, split, number) for number in range(count)],
            IMAGES,
        )


def _row(subject: Subject, split: Split, number: int) -> dict[str, object]:
    is_open = number % 5 == 4
    answer = "['4', 'four']" if is_open else "B"
    return {
        "id": f"{split}_{subject}_{number + 1}",
        "question": "See <image 1> What is it?",
        "options": "[]" if is_open else repr(OPTIONS),
        "question_type": "open" if is_open else "multiple-choice",
        "answer": HIDDEN if split == "test" else answer,
        "topic_difficulty": "Easy",
        "subfield": "Anatomy",
        "image_1": {"bytes": png(), "path": "a.png"},
        **dict.fromkeys(f"image_{n}" for n in range(2, 8)),
    }
