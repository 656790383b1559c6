"""Records on disk instead of in memory, for as long as their process runs."""

from __future__ import annotations

import tempfile
from typing import IO

from lmms_vg.journal.lines import JournalError, decode
from lmms_vg.journal.location import home, writing_to
from lmms_vg.journal.places import append, line_at
from lmms_vg.journal.record import Record


class Spill:
    """Records by task and name, in a file without a name beside the journals; memory holds only their places.

    The file is made for the first record and disappears with the process, however that ends. A record comes back equal, but
    with lists for tuples, and infinity and NaN, which journals store as null, come back as they are.
    """

    def __init__(self) -> None:
        self._places: dict[str, dict[str, int]] = {}  # task -> name -> offset of the line
        self._file: IO[bytes] | None = None

    def put(self, task: str, name: str, record: Record) -> None:
        """Keep a record, in place of an earlier one of the same task and name.

        Raises:
            JournalError: it cannot be written.
        """
        folder = home() / "journal"
        with writing_to(folder):
            if self._file is None:
                folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by `clear`
            (offset,) = append(self._file.fileno(), [record.model_dump()])
        self._places.setdefault(task, {})[name] = offset

    def get(self, task: str, name: str) -> Record | None:
        """Return the record of this task and name, or None; threads may call this at once.

        Raises:
            JournalError: the file cannot be read.
        """
        offset = self._places.get(task, {}).get(name)
        if offset is None or self._file is None:
            return None
        try:
            return Record.model_validate(decode(line_at(self._file.fileno(), offset)))
        except (ValueError, RecursionError, OSError) as problem:
            raise JournalError(
                f"the record of {task} {name} cannot be read from {home() / 'journal'} ({problem}). Run the same command "
                "again: its answers are in the journal"
            ) from problem

    def clear(self) -> None:
        """Drop all records and their file."""
        self._places.clear()
        if self._file is not None:
            self._file.close()
        self._file = None
