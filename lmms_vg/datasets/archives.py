"""Files of a data set, read in place: from a folder, or else from a zip lying in it, which is never extracted.

Opening a zip of 100,000 members takes about a second and 70 MB, for as long as the process lives.
"""

import os
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from lzma import LZMAError
from pathlib import Path
from threading import Lock
from zipfile import BadZipFile, ZipFile

from lmms_vg.datasets.schema import DatasetSpec
from lmms_vg.datasets.source import DataError, local_root, locate, missing, safe_path

# What zipfile and its decompressors were found to raise. RuntimeError: encrypted or not implemented; ValueError: a name
# that is no text; OSError: an offset outside of the file, and bz2's way of saying that data are damaged.
_UNREADABLE = (BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)


LARGEST = 1 << 28
"""Bytes of a file or a member that are read at most: a few MB in a download may unpack to more than a machine has."""


class Archive:
    """A zip that several threads may read at once. Members are called as they are stored, with forward slashes.

    ``top`` is the one folder that all members lie in, or empty. Names that lead out of the archive mean nothing here:
    nothing is ever written, and ``read_file`` refuses to ask for them.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, RuntimeError, ValueError) as error:
            raise DataError(f"{path}: {error}; the download is probably incomplete") from error
        # Some tools write Windows paths, which the format does not know.
        self._members = {info.filename.replace("\\", "/"): info for info in self._zip.infolist()}
        self.top = _common_folder(self._members)
        self._lock = Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def read(self, name: str) -> bytes:
        """Errors: DataError for a member that is damaged, huge, encrypted, or packed in a way Python does not know."""
        member = self._members[name]
        _require_small(member.file_size, f"{self._zip.filename}, member {name}")
        try:
            with self._lock:
                return self._zip.read(member)
        except _UNREADABLE as error:
            raise DataError(f"{self._zip.filename}, member {name}: {error}") from error


@cache
def open_archive(path: Path) -> Archive:
    """The archive at ``path``, opened once per process: listing a large zip takes seconds."""
    return Archive(path)


# A forked child shares the parent's file position, and may inherit a lock that nobody will release: it opens its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_archive.cache_clear)


def read_file(root: Path, path: str, folder: str = "") -> bytes | None:
    """Bytes of ``path`` under ``root``, or None if it is nowhere. Errors: DataError if ``path`` leads out of ``root``
    or the file is larger than ``LARGEST``.

    Looks for the file itself first, then into each zip of ``root``. An archive's top folder may or may not be part of
    ``path`` and of the member's name; ``folder`` is that top folder where files lie extracted, a zip's stem or its own
    one folder where not.
    """
    path = safe_path(path)
    for spelling in _spellings(path, folder):
        file = root / spelling
        if os.path.isfile(file):  # False, too, for a name longer than names may be
            _require_small(file.stat().st_size, str(file))
            return file.read_bytes()
    for archive, top in _archives(root):
        for spelling in _spellings(path, top):
            if spelling in archive:
                return archive.read(spelling)
    return None


def list_files(root: Path, parent: str, suffix: str, folder: str = "") -> list[str]:
    """Sorted paths, as ``read_file`` takes them, of the files directly in ``parent`` whose names end in ``suffix``.

    The first place that has any is taken whole, in the order in which ``read_file`` looks. Hidden files do not count.
    """
    parent = safe_path(parent)
    for spelling in _spellings(parent, folder):
        if found := sorted(f"{parent}/{file.name}" for file in (root / spelling).glob(f"[!.]*{suffix}")):
            return found
    for archive, top in _archives(root):
        for spelling in _spellings(parent, top):
            names = [name.rpartition("/") for name in archive if name.endswith(suffix)]
            found = sorted(f"{parent}/{name}" for place, _, name in names if place == spelling and name[0] != ".")
            if found:
                return found
    return []


def archive_root(spec: DatasetSpec, archive: str) -> Path:
    """Folder of a data set whose files come in one ``archive``; on the hub that is downloaded. Errors: DataMissing."""
    return local_root(spec) or locate(spec, archive).parent


def read_member(spec: DatasetSpec, archive: str, path: str, *folders: str) -> bytes:
    """Bytes of a file that ``archive`` is published with, wherever ``read_file`` finds it. Errors: DataMissing.

    ``folders`` are the names that the archive's top folder may have where it lies extracted.
    """
    root = archive_root(spec, archive)
    for folder in folders:
        data = read_file(root, path, folder)
        if data is not None:
            return data
    raise missing(spec, archive, f"{path} is in no zip and no folder {' or '.join(map(repr, folders))} of {root}.")


def require_archive(spec: DatasetSpec, archive: str, *extracted: str) -> None:
    """Errors: DataMissing if images are nowhere: every single question would fail, after the model has been loaded.

    Any zip will do, or anything that matches one of the patterns ``extracted``: a folder, or files that lie loose.
    """
    root = local_root(spec)
    if root is None or not any(any(root.glob(pattern)) for pattern in ("*.zip", *extracted)):
        locate(spec, archive)


def _require_small(size: int, place: str) -> None:
    if size > LARGEST:
        raise DataError(f"{place}: {size:,} bytes, at most {LARGEST:,} are read")


def _archives(root: Path) -> Iterator[tuple[Archive, str]]:
    """Each zip of a folder, once for each name its top folder may have."""
    for file in sorted(root.glob("*.zip")):
        archive = open_archive(file)
        yield archive, file.stem
        if archive.top and archive.top != file.stem:
            yield archive, archive.top


def _spellings(path: str, folder: str) -> Iterator[str]:
    yield path
    if folder:
        yield f"{folder}/{path}"
        if path.startswith(f"{folder}/"):
            yield path.removeprefix(f"{folder}/")


def _common_folder(names: Iterable[str]) -> str:
    """The one folder that all lie in, or empty. What macOS adds to its zips does not count."""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    return tops.pop() if len(tops) == 1 else ""
