"""Folders that are written to: tried out, and put back as they were."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lmms_vg.doctor.finding import Check, CheckResult, note, ok, problem

LEAST = 1_000_000_000  # bytes


class Folder(NamedTuple):
    """``written``: a run writes to it; the others may be read-only."""

    name: str
    variable: str
    path: Path
    written: bool = True


def home() -> Iterator[CheckResult]:
    from lmms_vg import journal

    yield _looked_at(Folder("answers", "LMMS_VG_HOME", journal.home()))


def data() -> Iterator[CheckResult]:
    """Data sets may lie in a read-only folder: only `lmms-vg data fetch` writes there."""
    from lmms_vg.datasets.source import DATA_ENV

    base = os.environ.get(DATA_ENV)
    if base:
        yield _looked_at(Folder("data sets", DATA_ENV, Path(base).expanduser(), written=False))
    else:
        yield ok(f"{DATA_ENV} is not set")


def hub() -> Iterator[CheckResult]:
    """Nothing is written to the hub's cache offline."""
    from huggingface_hub import constants

    path = Path(constants.HF_HUB_CACHE)
    yield _looked_at(Folder("cache of the hub", "HF_HUB_CACHE", path, written=not constants.HF_HUB_OFFLINE))


def datasets_library() -> Iterator[CheckResult]:
    """lmms-eval opens every task through it, ours too, and it writes there each time."""
    from datasets import config

    yield _looked_at(Folder("cache of datasets", "HF_DATASETS_CACHE", Path(config.HF_DATASETS_CACHE)))


def temporary() -> Iterator[CheckResult]:
    yield _looked_at(Folder("temporary files", "TMPDIR", Path(tempfile.gettempdir())))


def _looked_at(folder: Folder) -> CheckResult:
    name, variable, path, written = folder
    worse = problem if written else note
    there = False
    try:
        there = path.is_dir()
        with _made(path):
            with tempfile.NamedTemporaryFile(dir=path) as file:
                file.write(b"lmms-vg doctor")
                file.flush()
            free = shutil.disk_usage(path).free
    except OSError as failure:
        use = "" if written else "; it can be read, and nothing can be added" if there else ""
        elsewhere = f"export {variable}=FOLDER   (one that can be written)"
        return worse(f"{name}: {path} cannot be written ({failure.strerror or failure}){use}", elsewhere)
    named = f"{name}: {path}{'' if there else ' (can be made)'}, {free / 1e9:.1f} GB free"
    if free < LEAST:
        return worse(f"{named}, less than {LEAST / 1e9:.0f} GB", f"export {variable}=FOLDER   (on a larger disk)")
    return ok(named)


@contextmanager
def _made(path: Path) -> Iterator[None]:
    """The folder and those above it, for as long as they are tried out."""
    lacking = [one for one in (path, *path.parents) if not one.exists()]
    made: list[Path] = []
    try:
        for one in reversed(lacking):
            with suppress(FileExistsError):  # another process was faster, so it is not ours to remove
                one.mkdir()
                made.append(one)
        yield
    finally:
        for one in reversed(made):
            with suppress(OSError):  # another process has put something there
                one.rmdir()


CHECKS: dict[str, Check] = {
    "answers": home,
    "data sets": data,
    "hub": hub,
    "datasets": datasets_library,
    "temporary files": temporary,
}
