"""Counts from an earlier reading of a data set, valid while its files are the same: SLAKE's masks take half a minute to read.

One file per data set in `LMMS_VG_HOME/counts`. Files are the same if all have the size and time that they had; so is what
reads them, if the package's own files have. `LMMS_VG_PARTIAL_DATA` changes what is counted, and is part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lmms_vg import datasets, journal
from lmms_vg._util.atomic_files import replace_file
from lmms_vg.datasets.counts import partial_allowed
from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.tasks.dataset_status import QuestionCount


class CountedBefore(BaseModel):
    """Counts and remarks of a data set, and the stamp of the files that they were read from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stamp: str
    counts: list[QuestionCount]
    remarks: list[str]


def counted(
    spec: DatasetSpec, root: Path, read: Callable[[], tuple[list[QuestionCount], list[str]]]
) -> tuple[list[QuestionCount], list[str]]:
    """Return the counts and remarks of a data set, read only if a file of it has changed.

    Args:
        spec: the data set.
        root: its folder.
        read: reads them.
    """
    path, stamp = journal.home() / "counts" / spec.name / "status.json", _stamp(root)
    try:
        known = CountedBefore.model_validate_json(path.read_bytes())
        if known.stamp == stamp:
            return known.counts, known.remarks
    except (OSError, ValidationError):
        pass  # not counted yet, or by another version
    counts, remarks = read()
    if all(
        count.complete and not count.problem for count in counts
    ):  # a fault may be mended elsewhere than in these files
        with suppress(
            OSError
        ):  # it is read again the next time; `lmms-vg doctor` says that the folder cannot be written
            replace_file(path, CountedBefore(stamp=stamp, counts=counts, remarks=remarks).model_dump_json())
    return counts, remarks


def _stamp(root: Path) -> str:
    state = hashlib.sha256(f"{root.resolve()} {partial_allowed()}".encode())
    for folder in (root, Path(datasets.__file__).parent):
        for path in sorted(_files(folder)):
            about = path.stat()
            state.update(f"{path.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return state.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
