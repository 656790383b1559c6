"""Move answers to another machine: journals in a zip, and back, merged with what is there.

A zip holds `<configuration>/rank0.jsonl` and so on, with the lines as they were written, and beside it `rank0.maps` and
`rank0.heads` where maps and values of heads were kept (`archived_blocks`). It is read twice: everything is verified before
anything is written. Nothing is ever unpacked under a name that the zip chooses, other than these.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from lmms_vg._util.atomic_files import check_new, replacing
from lmms_vg._util.field_errors import said
from lmms_vg.journal import archived_blocks
from lmms_vg.journal.lines import JournalError, Label, cut_torn_batch, decode, read_intact, read_labels, require_format
from lmms_vg.journal.location import home, writing_to
from lmms_vg.journal.lock import FolderLock
from lmms_vg.journal.places import append
from lmms_vg.journal.record import Record
from lmms_vg.journal.sidecar import OtherLayoutError, Sidecar
from lmms_vg.journal.sidecars import SIDECARS

_ENDINGS = ("jsonl", *(sidecar.suffix for sidecar in SIDECARS))
_MEMBER = re.compile(rf"([A-Za-z0-9][A-Za-z0-9._-]{{0,199}})/(rank[0-9]{{1,6}}\.(?:{'|'.join(_ENDINGS)}))")

#: Longest line that is read, in bytes. With the values of every head, as older versions wrote them, less than 1 MB.
LONGEST = 1 << 26

#: Errors that `zipfile` and zlib raise on damaged, encrypted or unusual files.
_UNREADABLE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@dataclass
class Imported:
    """Numbers of answers and failures that an import added to a journal, and of lines that were there already."""

    folder: Path
    answers: int = 0
    failures: int = 0
    known: int = 0


def export(folders: Sequence[Path], path: Path) -> None:
    """Write the intact lines, maps and values of heads of journals into a new zip; what a job writes meanwhile is missing.

    Raises:
        ValueError: `path` exists.
        JournalError: a journal has another format.
        OSError: the zip cannot be written.
    """
    check_new(path)
    with replacing(path) as scratch, ZipFile(scratch, "w", ZIP_DEFLATED) as archive:
        for folder in folders:
            for file in sorted(folder.glob("rank*.jsonl")):
                with archive.open(f"{folder.name}/{file.name}", "w", force_zip64=True) as member:
                    for line in read_intact(file):
                        member.write(line)
            for sidecar in SIDECARS:
                for file in archived_blocks.readable(sidecar, folder):
                    with archive.open(f"{folder.name}/{file.name}", "w", force_zip64=True) as member:
                        for block in archived_blocks.intact_blocks(sidecar, file):
                            member.write(block)
        archive.comment = _comment(len(archive.infolist()))


def load(path: Path) -> list[Imported]:
    """Add the answers of a zip to the journals in `LMMS_VG_HOME`; what is there already is not added again.

    Raises:
        ValueError: the zip is damaged, or holds anything but journals.
        JournalError: a journal has another format, is in use, or cannot be written.
    """
    with _opened(path) as archive:
        members = [(info, *_place(path, info)) for info in archive.infolist()]
        if archive.comment != _comment(len(members)):  # one flipped byte can hide a member from Python's library
            raise ValueError(f"{path}: it is incomplete, or not made by lmms-vg journal export; export it again")
        for info, _, file in members:
            sidecar = _sidecar(file)
            for _ in _blocks(sidecar, path, archive, info) if sidecar else _entries(path, archive, info):
                pass
        return _merge(path, archive, members)


def _comment(members: int) -> bytes:
    return f"lmms_vg journals, {members} files".encode()


def _opened(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError, struct.error) as problem:
        raise ValueError(f"{path}: it is no zip, or incomplete ({problem})") from None


def _place(path: Path, info: ZipInfo) -> tuple[str, str]:
    """Return the folder and the file of a member."""
    match = _MEMBER.fullmatch(info.filename)
    if match is None:
        raise ValueError(
            f"{path}, member {info.filename[:100]!r}: allowed is <configuration>/rank<number> and an ending of "
            f"{', '.join(_ENDINGS)}; nothing was imported"
        )
    return match[1], match[2]


def _sidecar(file: str) -> Sidecar[Any] | None:
    return next((sidecar for sidecar in SIDECARS if file.endswith(f".{sidecar.suffix}")), None)


def _entries(path: Path, archive: ZipFile, info: ZipInfo) -> Iterator[tuple[Label | None, dict[str, Any]]]:
    """Yield the verified entries of a member, those of records with their label."""
    number = 0
    try:
        with archive.open(info) as member:
            while line := member.readline(LONGEST):
                number += 1
                entry = decode(line)
                require_format(f"{path}, member {info.filename}", entry)
                label = None
                if "run" not in entry:
                    record = Record.model_validate({name: value for name, value in entry.items() if name != "more"})
                    label = Label(record.key, record.task, record.uid, record.error is None)
                yield label, entry
    except JournalError:
        raise
    except (ValueError, RecursionError, *_UNREADABLE) as problem:
        raise _damaged(path, info, "line", max(number, 1), problem) from None


def _blocks(sidecar: Sidecar[Any], path: Path, archive: ZipFile, info: ZipInfo) -> Iterator[archived_blocks.Block]:
    """Yield the verified blocks of a member."""
    number = 0
    try:
        with archive.open(info) as member:
            for block in archived_blocks.verified(sidecar, member):
                number += 1
                yield block
    except OtherLayoutError as problem:
        raise JournalError(f"{path}, member {info.filename}: {problem}; nothing was imported") from None
    except (ValueError, RecursionError, *_UNREADABLE) as problem:
        raise _damaged(path, info, "block", number + 1, problem) from None


def _damaged(path: Path, info: ZipInfo, what: str, number: int, problem: Exception) -> ValueError:
    reason = said(problem.errors()[0]) if isinstance(problem, ValidationError) else problem
    return ValueError(
        f"{path}, member {info.filename}, {what} {number}: damaged ({reason}); nothing was imported. Export it again"
    )


def _merge(path: Path, archive: ZipFile, members: Sequence[tuple[ZipInfo, str, str]]) -> list[Imported]:
    root, job = home() / "journal", uuid4().hex
    needed = sum(info.file_size for info, _, _ in members)
    with writing_to(root):
        root.mkdir(parents=True, exist_ok=True)
        if needed > (free := shutil.disk_usage(root).free):
            raise ValueError(f"{path}: its {needed:,} bytes do not fit into {root}, where {free:,} are free")
    with ExitStack() as held:
        imported = {name: Imported(root / name) for name in sorted({name for _, name, _ in members})}
        for journal in imported.values():
            lock = FolderLock(journal.folder, job)
            if not lock.take():
                raise JournalError(f"{journal.folder}: in use by {lock.holder()}; import again when that has ended")
            held.callback(lock.release)
        for name, journal in imported.items():
            with writing_to(journal.folder):
                known = {
                    label
                    for file in journal.folder.glob("rank*.jsonl")
                    for _, label in read_labels(file)
                    if isinstance(label, Label)
                }
                here = [(info, file) for info, folder, file in members if folder == name]
                for sidecar in SIDECARS:  # first, as in a run
                    there = {*sidecar.places(sidecar.files(journal.folder))}
                    for info, file in here:
                        if _sidecar(file) is sidecar:
                            blocks = _blocks(sidecar, path, archive, info)
                            archived_blocks.add(sidecar, blocks, journal.folder / file, there)
                for info, file in here:
                    if _sidecar(file) is None:
                        _add(_entries(path, archive, info), journal, file, known)
    return list(imported.values())


def _add(
    entries: Iterator[tuple[Label | None, dict[str, Any]]], imported: Imported, name: str, known: set[Label]
) -> None:
    """Append what is new to a file of a journal: batches stay batches, behind the provenance of their process."""
    target = imported.folder / name
    cut_torn_batch(target)
    file = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        batch: list[dict[str, Any]] = []
        run: dict[str, Any] | None = None
        for label, entry in entries:
            more = entry.pop("more", 0)
            if label is None:
                run = entry
            elif label in known:
                imported.known += 1
            else:
                known.add(label)
                imported.answers += label.answered
                imported.failures += not label.answered
                batch.append(entry)
            if batch and not more:
                if run is not None:
                    append(file, [run])
                append(file, batch)
                batch, run = [], None
        append(file, batch)
    finally:
        os.close(file)
