"""Read the blocks of files beside a journal from their places."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from loguru import logger

from lmms_vg.journal.sidecar import BlockPlace, L, Sidecar


class BlockReader:
    """Opens each file once; use it in a `with` block.

    Args:
        sidecar: the kind of file.
    """

    def __init__(self, sidecar: Sidecar[L]) -> None:
        self._sidecar = sidecar
        self._files: dict[Path, int] = {}
        self._held = ExitStack()

    def __enter__(self) -> BlockReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._held.close()
        self._files.clear()

    def read(self, place: BlockPlace[L]) -> bytes | None:
        """Return the verified bytes behind the line of a block; None if they are damaged, which is said."""
        if place.path not in self._files:
            self._files[place.path] = os.open(place.path, os.O_RDONLY)
            self._held.callback(os.close, self._files[place.path])
        size = place.line.size
        try:
            return place.line.verified(os.pread(self._files[place.path], size, place.end - size))
        except ValueError as problem:
            logger.warning(
                f"{self._sidecar.suffix} {place.path}, byte {place.start}: {problem}; its {self._sidecar.holds} are left out"
            )
            return None
