"""Folders that runs write to: each is tested with a file, and left as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lmms_vg.doctor.check_result import Check, CheckResult, note, ok, problem

#: Least free space, in bytes.
LEAST = 1_000_000_000


class Folder(NamedTuple):
    """A folder and the variable that names it. `written`: a run writes to it; others may be read-only."""

    name: str
    variable: str
    path: Path
    written: bool = True


def home() -> Iterator[CheckResult]:
    """Yield findings about the folder of answers."""
    from lmms_vg import journal

    yield _examined(Folder("answers", "LMMS_VG_HOME", journal.home()))


def data() -> Iterator[CheckResult]:
    """Yield findings about the folder of data sets, which may be read-only: only `lmms-vg data fetch` writes there."""
    from lmms_vg.datasets.source import DATA_ENV

    base = os.environ.get(DATA_ENV)
    if base:
        yield _examined(Folder("data sets", DATA_ENV, Path(base).expanduser(), written=False))
    else:
        yield ok(f"{DATA_ENV} is not set")


def hub() -> Iterator[CheckResult]:
    """Yield findings about the hub's cache, to which nothing is written offline."""
    from huggingface_hub import constants

    path = Path(constants.HF_HUB_CACHE)
    yield _examined(Folder("cache of the hub", "HF_HUB_CACHE", path, written=not constants.HF_HUB_OFFLINE))


def datasets_library() -> Iterator[CheckResult]:
    """Yield findings about the cache of `datasets`, to which lmms-eval writes for every task, ours too."""
    from datasets import config

    yield _examined(Folder("cache of datasets", "HF_DATASETS_CACHE", Path(config.HF_DATASETS_CACHE)))


def temporary() -> Iterator[CheckResult]:
    """Yield findings about the folder of temporary files."""
    yield _examined(Folder("temporary files", "TMPDIR", Path(tempfile.gettempdir())))


def _examined(folder: Folder) -> CheckResult:
    name, variable, path, written = folder
    worse = problem if written else note
    exists = False
    try:
        exists = path.is_dir()
        with _created(path):
            with tempfile.NamedTemporaryFile(dir=path) as file:
                file.write(b"lmms-vg doctor")
                file.flush()
            free = shutil.disk_usage(path).free
    except OSError as failure:
        use = "" if written else "; it can be read, but nothing can be added" if exists else ""
        elsewhere = f"export {variable}=FOLDER   (a folder you can write to)"
        return worse(f"{name}: {path} cannot be written ({failure.strerror or failure}){use}", elsewhere)
    text = f"{name}: {path}{'' if exists else ' (can be created)'}, {free / 1e9:.1f} GB free"
    if free < LEAST:
        return worse(f"{text}, less than {LEAST / 1e9:.0f} GB", f"export {variable}=FOLDER   (on a larger disk)")
    return ok(text)


@contextmanager
def _created(path: Path) -> Iterator[None]:
    """Create the folder and its missing parents for the duration of the test."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    created: list[Path] = []
    try:
        for folder in reversed(missing):
            with suppress(FileExistsError):  # another process created it, so it is not ours to remove
                folder.mkdir()
                created.append(folder)
        yield
    finally:
        for folder in reversed(created):
            with suppress(OSError):  # another process has put something there
                folder.rmdir()


CHECKS: dict[str, Check] = {
    "answers": home,
    "data sets": data,
    "hub": hub,
    "datasets": datasets_library,
    "temporary files": temporary,
}
