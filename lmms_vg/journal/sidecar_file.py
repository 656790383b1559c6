"""Append blocks to the file that lies beside a rank's journal file."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path

from loguru import logger

from lmms_vg.journal.places import append_bytes
from lmms_vg.journal.sidecar import L, OtherLayoutError, Sidecar


class SidecarFile:
    """The blocks that one rank writes; opened for its first block, so that runs which keep nothing leave no file.

    Args:
        sidecar: the kind of file.
        journal: path of the rank's journal file.
    """

    def __init__(self, sidecar: Sidecar[L], journal: Path) -> None:
        self.sidecar, self.path = sidecar, sidecar.beside(journal)
        self._file: int | None = None
        self._refused = False

    def opened(self) -> bool:
        """Open the file if it is not open. To one of another layout nothing is written, which is logged once."""
        if self._file is None and not self._refused:
            self._open()
        return self._file is not None

    def write(self, blocks: Iterable[bytes]) -> None:
        """Append blocks in one write, as a whole or not at all. The caller holds the lock of the folder.

        Raises:
            OSError: they cannot be written.
        """
        data = b"".join(blocks)
        if data and self.opened():
            assert self._file is not None, "opened"
            append_bytes(self._file, data)

    def note(self, names: set[Hashable]) -> None:
        """Called with the names of the blocks that are there when the file is opened."""

    def close(self) -> None:
        """Close the file; it can be opened again."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._refused = None, False

    def _open(self) -> None:
        try:
            self.note(self.sidecar.cut_torn_block(self.path))
        except OtherLayoutError as problem:
            self._refused = True
            logger.warning(
                f"{self.sidecar.suffix} {self.path}: {problem}. No {self.sidecar.holds} are kept in this run. Answers and "
                "their values per layer are in the journal all the same; move the file away"
            )
            return
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
