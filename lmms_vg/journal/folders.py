"""The journals on this machine: which there are, what each holds, and deleting those that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import uuid4

from lmms_vg._util.suggest import suggest
from lmms_vg.journal.lines import Label, read_labels
from lmms_vg.journal.location import home, writing_to
from lmms_vg.journal.lock import FolderLock
from lmms_vg.journal.sidecars import SIDECARS
from lmms_vg.journal.store import is_journal

#: Files beside the answers that are ours.
_OURS = ("holder.json", "lock")


@dataclass(frozen=True)
class Contents:
    """The number of answers and failures in a journal, and its provenance.

    Attributes:
        answers: number of answers, each question of a task counted once per content key.
        failures: number of questions that failed and were not answered later.
        provenance: of the process that started last; None if none states it.
    """

    answers: int
    failures: int
    provenance: dict[str, Any] | None


def folders(names: Sequence[str] = ("*",)) -> list[Path]:
    """Return the journals with these names, sorted.

    Args:
        names: names of folders in `LMMS_VG_HOME/journal`, patterns such as `llava_*`, or paths of these folders.

    Raises:
        ValueError: a name is that of no journal.
    """
    root = home() / "journal"
    there = {folder.name: folder for folder in root.glob("*") if is_journal(folder)}
    chosen: set[Path] = set()
    for name in names:
        path = Path(name).expanduser()
        is_path = path.name != name and path.resolve().parent == root.resolve()
        pattern = path.name if is_path else name
        matching = [folder for known, folder in there.items() if fnmatchcase(known, pattern)]
        if not matching and name != "*":
            raise ValueError(
                f"{name}: {suggest(pattern, there)}{root} has no journal of that name; lmms-vg journal list"
            )
        chosen.update(matching)
    return sorted(chosen)


def size(folder: Path) -> int:
    """Return the number of bytes of a journal's files."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def last_written(folder: Path) -> datetime:
    """Return when an answer or the start of a process was last written to a journal."""
    return datetime.fromtimestamp(max(file.stat().st_mtime for file in folder.glob("rank*.jsonl"))).astimezone()


def written_before(folder: Path, days: float) -> bool:
    """Return whether nothing was written to a journal in the last `days` days."""
    return datetime.now().astimezone() - last_written(folder) > timedelta(days=days)


def contents(folder: Path) -> Contents:
    """Read what a journal holds.

    Raises:
        JournalError: a file has another format.
    """
    answered: set[Label] = set()
    failed: set[tuple[str, str]] = set()
    provenance = None
    for path in sorted(folder.glob("rank*.jsonl")):
        for _, content in read_labels(path):
            if not isinstance(content, Label):
                provenance = content.get("run") or provenance
            elif content.answered:
                answered.add(content)
            else:
                failed.add((content.task, content.uid))
    failed -= {(label.task, label.uid) for label in answered}
    return Contents(len(answered), len(failed), provenance)


def delete(folder: Path) -> str:
    """Delete a journal, unless a job writes to it; return why it was kept, or an empty text.

    Raises:
        JournalError: it cannot be deleted.
    """
    lock = FolderLock(folder, uuid4().hex)
    if not lock.take():
        return f"in use by {lock.holder()}"
    with writing_to(folder):
        try:
            for file in _files(folder):
                file.unlink()
            others = sorted(os.listdir(folder))
            if not others:
                folder.rmdir()
        finally:
            lock.release()
    return f"its answers are deleted, but other files are there: {', '.join(others)}" if others else ""


def _files(folder: Path) -> Iterator[Path]:
    """Our files in a journal folder; the lock comes last."""
    yield from folder.glob("rank*.jsonl")
    for sidecar in SIDECARS:
        yield from sidecar.files(folder)
    yield from (folder / name for name in _OURS if (folder / name).exists())
