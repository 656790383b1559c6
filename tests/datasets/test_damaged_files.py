"""Files of every source, damaged at random, give documents or one message that ends the run, never a parser's error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import raw

from lmms_vg.datasets import archives, omnimedvqa, parquet_images, path_vqa
from lmms_vg.host.failure import RunFailed
from lmms_vg.tasks import documents
from lmms_vg.tasks.registry import TASKS

SETS = ["vqa_rad", "slake", "path_vqa", "pmc_vqa", "omnimedvqa", "mmmu", "medical_eval", "vgmed"]
PIECES = [
    rb'"\ud800"',
    b"[" * 5000,
    b"NaN",
    b"1e999",
    b"null",
    b"{}",
    b"\xff",
    b"\0",
    b"9" * 5000,
    b"\\",
    b'"',
    b"'",
    b";",
]


def forget() -> None:
    """Clear the caches of the readers."""
    for reader in (omnimedvqa._read, path_vqa._rows, archives.open_archive, parquet_images._layout):
        reader.cache_clear()


def damaged(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 3])):
        at, piece = draw.randrange(len(changed)), draw.choice(PIECES)
        changed[at : at + draw.choice([0, 1, len(piece)])] = piece if draw.random() < 0.7 else b""
    return bytes(changed[: draw.randrange(1, len(changed))] if draw.random() < 0.1 else changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_damaged_questions(data: Path, small: None, name: str) -> None:
    getattr(raw, name)(data)
    if name == "omnimedvqa":  # extracted, since a zip's checksums would find all damage
        import zipfile

        with zipfile.ZipFile(data / name / "OmniMedVQA.zip") as archive:
            archive.extractall(data / name)
        (data / name / "OmniMedVQA.zip").unlink()
    files = [
        file for file in sorted((data / name).rglob("*")) if file.suffix in (".json", ".jsonl", ".csv", ".parquet")
    ]
    tasks = [task for task, reader in TASKS.items() if reader.spec.name == name]
    draw, refused = random.Random(name), 0
    for _ in range(40):
        file, task = draw.choice(files), draw.choice(tasks)
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, draw))
        forget()
        try:
            documents.documents(task, TASKS[task].load, None)
        except RunFailed as end:
            refused += 1
            assert task in str(end)  # noqa: PT017 - some files can still be read
            assert file.name in str(end)  # noqa: PT017
        file.write_bytes(whole)
    forget()
    assert refused
    assert len(documents.documents(tasks[0], TASKS[tasks[0]].load, None))
