"""Files of a data set, read in place: from a folder, or else from a zip lying in it, which is never extracted."""

import os
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from zipfile import BadZipFile, ZipFile

from lmms_vg.datasets.source import DataError


class Archive:
    """A zip that several threads may read at once."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = ZipFile(path)
        except BadZipFile as error:
            raise DataError(f"{path}: {error}; the download is probably incomplete") from error
        self._names = frozenset(self._zip.namelist())
        self._lock = Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def read(self, name: str) -> bytes:
        try:
            with self._lock:
                return self._zip.read(name)
        except (BadZipFile, zlib.error) as error:
            raise DataError(f"{self._zip.filename}, member {name}: {error}") from error


@cache
def open_archive(path: Path) -> Archive:
    """The archive at ``path``, opened once per process: listing a large zip takes seconds."""
    return Archive(path)


# A forked child shares the parent's file position, and may inherit a lock that nobody will release: it opens its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_archive.cache_clear)


def read_file(root: Path, path: str, folder: str = "") -> bytes | None:
    """Bytes of ``path`` (made safe by ``source.safe_path``) under ``root``, or None if it is nowhere.

    Looks for the file itself first, then into each zip of ``root``. An archive's top folder may or may not be part of
    ``path`` and of the member's name; ``folder`` is that top folder where files lie extracted, a zip's stem where not.
    """
    for spelling in _spellings(path, folder):
        if (root / spelling).is_file():
            return (root / spelling).read_bytes()
    for file in sorted(root.glob("*.zip")):
        archive = open_archive(file)
        for spelling in _spellings(path, file.stem):
            if spelling in archive:
                return archive.read(spelling)
    return None


def _spellings(path: str, folder: str) -> Iterator[str]:
    yield path
    if folder:
        yield f"{folder}/{path}"
        if path.startswith(f"{folder}/"):
            yield path.removeprefix(f"{folder}/")
