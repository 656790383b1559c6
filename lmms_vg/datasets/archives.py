"""Read files of a data set in place: from its folder, or from a zip in that folder, which is never extracted.

Opening a zip of 100,000 members takes about a second, and 70 MB until the process ends.
"""

from __future__ import annotations

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

# Everything that zipfile and its decompressors raise on damaged files. RuntimeError: encrypted or not implemented;
# ValueError: a name that is not text; OSError: an offset outside the file, or damaged bz2 data.
_UNREADABLE = (BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)

#: Largest file or zip member that is read, in bytes: a few MB of download may unpack to more than the memory.
LARGEST = 1 << 28


class Archive:
    """A zip file that several threads may read at once.

    Members keep their stored names, with forward slashes. Names that lead out of the archive do no harm: nothing is
    ever written, and `read_file` never asks for them.

    Attributes:
        top: the one folder that holds all members; empty if there are several.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, RuntimeError, ValueError) as error:
            raise DataError(f"{path}: {error}; the download is probably incomplete") from error
        # Some tools write backslashes, which the format does not allow.
        self._members = {info.filename.replace("\\", "/"): info for info in self._zip.infolist()}
        self.top = _common_folder(self._members)
        self._lock = Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def read(self, name: str) -> bytes:
        """Read a member.

        Raises:
            DataError: it is damaged, larger than `LARGEST`, encrypted, or compressed in a way Python does not know.
        """
        member = self._members[name]
        _require_small(member.file_size, f"{self._zip.filename}, member {name}")
        try:
            with self._lock:
                return self._zip.read(member)
        except _UNREADABLE as error:
            raise DataError(f"{self._zip.filename}, member {name}: {error}") from error


@cache
def open_archive(path: Path) -> Archive:
    """Open the archive at `path`, once per process: listing a large zip takes seconds."""
    return Archive(path)


# A forked child shares the parent's file position and may inherit a held lock, so it opens its own archives.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_archive.cache_clear)


def read_file(root: Path, path: str, folder: str = "") -> bytes | None:
    """Read a file of a data set; None if it is in no folder and no zip.

    The file itself is looked for first, then each zip of `root`. An archive's top folder may be part of `path`, of the
    member's name, of both or of neither.

    Args:
        root: folder of the data set.
        path: path of the file, relative to `root`.
        folder: name that the archive's top folder has where the archive was extracted.

    Raises:
        DataError: `path` leads out of `root`, or the file is larger than `LARGEST`.
    """
    path = safe_path(path)
    for spelling in _spellings(path, folder):
        file = root / spelling
        if os.path.isfile(file):  # Path.is_file() would raise for a name that is too long
            _require_small(file.stat().st_size, str(file))
            return file.read_bytes()
    for archive, top in _archives(root):
        for spelling in _spellings(path, top):
            if spelling in archive:
                return archive.read(spelling)
    return None


def list_files(root: Path, parent: str, suffix: str, folder: str = "") -> list[str]:
    """List the files directly in `parent` whose names end in `suffix`: sorted paths, as `read_file` takes them.

    Places are searched in the order of `read_file`; the first one that has such files gives all of them. Hidden files
    do not count.
    """
    parent = safe_path(parent)
    for spelling in _spellings(parent, folder):
        if paths := sorted(f"{parent}/{file.name}" for file in (root / spelling).glob(f"[!.]*{suffix}")):
            return paths
    for archive, top in _archives(root):
        for spelling in _spellings(parent, top):
            names = [name.rpartition("/") for name in archive if name.endswith(suffix)]
            paths = sorted(f"{parent}/{name}" for place, _, name in names if place == spelling and name[0] != ".")
            if paths:
                return paths
    return []


def archive_root(spec: DatasetSpec, archive: str) -> Path:
    """Folder of a data set whose files come in one `archive`; without a local folder, `archive` is downloaded.

    Raises:
        DataMissing: the archive is missing.
    """
    return local_root(spec) or locate(spec, archive).parent


def read_member(spec: DatasetSpec, archive: str, path: str, *folders: str) -> bytes:
    """Read a file that is published in `archive`, wherever `read_file` finds it.

    Args:
        spec: the data set.
        archive: name of the zip.
        path: path of the file in the zip.
        folders: names that the archive's top folder may have where the archive was extracted.

    Raises:
        DataMissing: the file is in no zip and no folder.
    """
    root = archive_root(spec, archive)
    for folder in folders:
        data = read_file(root, path, folder)
        if data is not None:
            return data
    raise missing(spec, archive, f"{path} is in no zip and no folder {' or '.join(map(repr, folders))} of {root}.")


def require_archive(spec: DatasetSpec, archive: str, *extracted: str) -> None:
    """Fail early without images: otherwise every question would fail, after the model was loaded.

    Args:
        spec: the data set.
        archive: zip to download where there is no local folder.
        extracted: glob patterns; a match of any, or any zip, counts as images.

    Raises:
        DataMissing: there are no images.
    """
    root = local_root(spec)
    if root is None or not any(any(root.glob(pattern)) for pattern in ("*.zip", *extracted)):
        locate(spec, archive)


def _require_small(size: int, place: str) -> None:
    if size > LARGEST:
        raise DataError(f"{place}: {size:,} bytes; allowed is at most {LARGEST:,}")


def _archives(root: Path) -> Iterator[tuple[Archive, str]]:
    """Each zip of a folder, once per name that its top folder may have."""
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
    """Return the one folder that holds all names, or empty; the folder that macOS adds to zips does not count."""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    return tops.pop() if len(tops) == 1 else ""
