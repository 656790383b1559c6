"""Where the answers of a configuration are kept, and found again."""

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
    """Where lmms_vg keeps its state: `LMMS_VG_HOME`, by default `~/.cache/lmms_vg`."""
    return Path(os.environ.get("LMMS_VG_HOME") or Path.home() / ".cache" / "lmms_vg").expanduser()


def check_home() -> None:
    """Find out before weights are loaded whether answers can be kept. Raises JournalError if not."""
    folder = home() / "journal"
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))  # an empty file can be made on a full disk, too


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turns what the system says of a file in this folder into a JournalError."""
    try:
        yield
    except JournalError:
        raise
    except OSError as problem:
        raise JournalError(
            f"{folder} cannot be written: {problem.strerror or problem}. Every answer is kept there. Make room or give the "
            "right to write, then run the same command again: it goes on where it stopped. Or name another folder: "
            "LMMS_VG_HOME=FOLDER (without the answers that are kept here)"
        ) from problem


def read_entries(paths: Iterable[Path]) -> Iterator[Record | dict[str, Any]]:
    """What journal files hold, in order: of every process that wrote there its provenance, then its records.

    Needs no lock, and changes nothing.

    Raises:
        JournalError: one is of another format.
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
    """Records of journal files in order. As `read_entries`."""
    return (entry for entry in read_entries(paths) if isinstance(entry, Record))


class Journal:
    """Answers of one configuration, open within `with`. All ranks read everything; each rank appends to its own file.

    Whoever opens it must have the lock of the folder (`lock.FolderLock`), as another process could be writing there.
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
        """Close the file and forget the answers; it may be opened again."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._answered.clear()
        self._named.clear()

    def find(self, key: str, task: str, uid: str) -> Record | None:
        """The answer given under exactly these circumstances, or None. Failures are not kept: they are asked again.

        The same question about the same image may stand in several documents; each gets a line of its own name.
        """
        record = self._answered.get(key)
        if record is None or (key, task, uid) in self._named:
            return record and record.model_copy(update={"task": task, "uid": uid})
        record = record.model_copy(update={"task": task, "uid": uid})
        self.write([record])
        return record

    def write(self, records: Iterable[Record]) -> None:
        """Append records in one write, so that a batch is journalled whole or not at all.

        Raises:
            JournalError: they cannot be written.
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
        assert self._file is not None, "a journal is written within `with`"
        view = memoryview(encode(batch))
        before = os.fstat(self._file).st_size
        try:
            with writing_to(self.folder):
                while view:
                    view = view[os.write(self._file, view) :]
        except BaseException:
            with suppress(OSError):  # the next line must not be glued to half of this one
                os.ftruncate(self._file, before)
            raise


def is_journal(folder: Path) -> bool:
    """Whether this is the folder of a journal, `LMMS_VG_HOME/journal/<configuration>`."""
    return any(folder.glob("rank*.jsonl"))
