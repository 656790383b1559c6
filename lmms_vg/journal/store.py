"""Write the answers of a configuration to its journal folder, and find them again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import ValidationError

from lmms_vg.journal.lines import FORMAT, JournalError, cut_torn_batch, encode, read_lines
from lmms_vg.journal.record import Record


def home() -> Path:
    """Return the folder of lmms_vg's state: `LMMS_VG_HOME`, by default `~/.cache/lmms_vg`."""
    return Path(os.environ.get("LMMS_VG_HOME") or Path.home() / ".cache" / "lmms_vg").expanduser()


def check_home() -> None:
    """Check, before weights are loaded, that answers can be written.

    Raises:
        JournalError: they cannot.
    """
    folder = home() / "journal"
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))  # a full disk still takes an empty file


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an operating system error in this folder into a JournalError."""
    try:
        yield
    except JournalError:
        raise
    except OSError as problem:
        raise JournalError(
            f"{folder} cannot be written: {problem.strerror or problem}. Every answer is written there. Free some space or "
            "allow writing, then run the same command again: it continues where it stopped. Or use another folder: "
            "LMMS_VG_HOME=FOLDER (without the answers in this one)"
        ) from problem


def read_entries(paths: Iterable[Path]) -> Iterator[Record | dict[str, Any]]:
    """Yield the entries of journal files in order: for every process that wrote, its provenance and then its records.

    Needs no lock and changes nothing.

    Raises:
        JournalError: a file has another format.
    """
    for path in paths:
        for line in read_lines(path):
            if "run" in line:
                yield line["run"]
                continue
            try:
                yield Record.model_validate(line)
            except ValidationError as problem:
                logger.warning(f"journal {path}: a record was skipped: {problem.errors()[0]['msg']}")


def read_records(paths: Iterable[Path]) -> Iterator[Record]:
    """Yield the records of journal files in order.

    Raises:
        JournalError: a file has another format.
    """
    return (entry for entry in read_entries(paths) if isinstance(entry, Record))


class Journal:
    """Answers of one configuration; use it in a `with` block. All ranks read all files; each rank appends to its own.

    The caller must hold the lock of the folder (`lock.FolderLock`) while the journal is open.

    Args:
        folder: the journal folder.
        rank: rank of this process.
        provenance: written at the start of every process.
    """

    def __init__(self, folder: Path, rank: int = 0, provenance: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.path = folder / f"rank{rank}.jsonl"
        self.provenance = dict(provenance or {})
        self._answered: dict[str, Record] = {}
        self._named: set[tuple[str, str, str]] = set()
        self._file: int | None = None

    def __enter__(self) -> Journal:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            cut_torn_batch(self.path)
            self._keep(read_records(sorted(self.folder.glob("rank*.jsonl"))))
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._append([{"format": FORMAT, "run": self.provenance}])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and forget the answers; the journal can be opened again."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._answered.clear()
        self._named.clear()

    def keys(self) -> set[str]:
        """Return the content keys that are answered."""
        return set(self._answered)

    def get(self, key: str) -> Record:
        """Return the answer under a content key.

        Raises:
            KeyError: there is none.
        """
        return self._answered[key]

    def find(self, key: str, task: str, uid: str) -> Record | None:
        """Return the answer that was given under exactly these circumstances, or None; failures are asked again.

        Several documents may contain the same question about the same image; each gets its own line.
        """
        record = self._answered.get(key)
        if record is None or (key, task, uid) in self._named:
            return record and record.model_copy(update={"task": task, "uid": uid})
        record = record.model_copy(update={"task": task, "uid": uid})
        self.write([record])
        return record

    def write(self, records: Iterable[Record]) -> None:
        """Append records in one write, so that a batch is journalled as a whole or not at all.

        Raises:
            JournalError: the records cannot be written.
        """
        records = list(records)
        self._append([record.model_dump(mode="json") for record in records])
        self._keep(records)

    def _keep(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.error is None:
                self._answered[record.key] = record.without_heads()
                self._named.add((record.key, record.task, record.uid))

    def _append(self, batch: Sequence[Mapping[str, Any]]) -> None:
        assert self._file is not None, "a journal is written inside `with`"
        view = memoryview(encode(batch))
        before = os.fstat(self._file).st_size
        try:
            with writing_to(self.folder):
                while view:
                    view = view[os.write(self._file, view) :]
        except BaseException:
            with suppress(OSError):  # the next line must not be joined to half of this one
                os.ftruncate(self._file, before)
            raise


def is_journal(folder: Path) -> bool:
    """Return whether this is the folder of a journal, `LMMS_VG_HOME/journal/<configuration>`."""
    return any(folder.glob("rank*.jsonl"))
