"""Files of numbers beside a journal file: `rank0.maps` and `rank0.heads` beside `rank0.jsonl`.

Such a file is a row of blocks: one line of JSON, and the bytes that it is about.

    {"sha256": "6f1c0d…", "layout":1,"key":"…","bytes":32480,"crc32":…,…}

The line has the checksum of a journal's line (`lines`), and the CRC-32 of the bytes. What else it states, and what the bytes
are, is up to the kind of file: `map_lines` and `head_lines`. Every line states the layout, so a file of another one is
recognised at its first line, and every line has the key of a record, so that blocks may stand in any order and move to
another file.

The end of a file may be torn; and from a damaged line the next intact one is found by how it starts and by its checksum.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from loguru import logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lmms_vg.journal.lines import decode, signed

#: Longest line in bytes: two bits for each of a million patches, and names.
LONGEST = 1 << 20

#: Most bytes behind a line, which are in memory at once: maps of 80 layers of a million patches.
LARGEST = 1 << 28

_START = b'{"sha256": "'

_MOST_HELD = 64 << 20  # bytes of a file whose lines are read that are in memory at a time


class OtherLayoutError(ValueError):
    """A file has another layout; the message states both numbers."""


class BlockLine(BaseModel):
    """The fields that the line of every block has.

    Attributes:
        layout: version of the layout.
        key: of the record that the bytes belong to.
        size: number of bytes behind the line, `bytes` in the file.
        crc32: their CRC-32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    layout: int
    key: str
    size: Annotated[int, Field(alias="bytes", ge=0, le=LARGEST)]
    crc32: int

    @property
    def name(self) -> Hashable:
        """The name that distinguishes a block from others of its kind; of several with one name the last counts."""
        return self.key

    def block(self, data: bytes) -> bytes:
        """Return the line and the bytes behind it."""
        return signed(self.model_dump_json(by_alias=True, exclude_none=True).encode()) + data

    def verified(self, data: bytes) -> bytes:
        """Return the bytes behind the line.

        Raises:
            ValueError: they are damaged.
        """
        if len(data) != self.size or zlib.crc32(data) != self.crc32:
            raise ValueError("the checksum does not match the bytes")
        return data


L = TypeVar("L", bound=BlockLine)


@dataclass(frozen=True)
class BlockPlace(Generic[L]):  # no named tuple: before Python 3.11 none can be generic
    """The place of a block in its file, and its line."""

    path: Path
    start: int
    end: int
    line: L


@dataclass(frozen=True)
class Sidecar(Generic[L]):
    """A kind of file.

    Attributes:
        suffix: how the files of a folder end, as in `rank0.maps`.
        holds: what they hold, in words.
        layout: version of the layout.
        line: what a line states.
    """

    suffix: str
    holds: str
    layout: int
    line: type[L]

    def beside(self, journal: Path) -> Path:
        """Return the path of the file beside a journal file."""
        return journal.with_suffix(f".{self.suffix}")

    def files(self, folder: Path) -> list[Path]:
        """Return the files of a journal folder, sorted."""
        return sorted(folder.glob(f"rank*.{self.suffix}"))

    def line_of(self, line: bytes) -> L:
        """Read the line of a block.

        Raises:
            OtherLayoutError: it states another layout.
            ValueError: it is damaged; RecursionError if it is nested too deeply.
        """
        entry = decode(line)
        if (stated := entry.get("layout")) != self.layout:
            raise OtherLayoutError(f"its layout is {stated}; this version of lmms_vg supports {self.layout}")
        return self.line.model_validate(entry)

    def intact(self, path: Path) -> Iterator[BlockPlace[L]]:
        """Yield the whole blocks of a file; damaged lines are reported and skipped, and a torn end is ignored.

        The bytes behind the lines are not read, so their CRC is not verified.

        Raises:
            OtherLayoutError: the file has another layout.
        """
        with _mapped(path) as data:
            held = 0  # where the part of the file begins that is in memory
            for start, end, line in self.blocks(data):
                if end - held > _MOST_HELD:
                    _release(data)
                    held = end
                if line is None:
                    logger.warning(
                        f"{self.suffix} {path}: bytes {start} to {end} are damaged; {self.holds} in them are left out"
                    )
                else:
                    yield BlockPlace(path, start, end, line)

    def places(self, paths: Iterable[Path]) -> dict[Hashable, BlockPlace[L]]:
        """Return name -> the last block of this name. A file that is missing or of another layout holds none.

        The latter is said.
        """
        places: dict[Hashable, BlockPlace[L]] = {}
        for path in paths:
            try:
                places |= {place.line.name: place for place in self.intact(path)}
            except OtherLayoutError as problem:
                logger.warning(
                    f"{self.suffix} {path}: {problem}. Its {self.holds} are not read. Answers and their values per layer are "
                    "in the journal all the same"
                )
        return places

    def cut_torn_block(self, path: Path) -> set[Hashable]:
        """Cut off an incomplete block at the end, and return the names of all others. The caller must hold the lock.

        Raises:
            OtherLayoutError: the file has another layout; nothing is cut off.
        """
        if not path.exists():
            return set()
        names, whole = set(), 0
        for place in self.intact(path):
            names.add(place.line.name)
            whole = place.end
        if whole < path.stat().st_size:
            logger.info(
                f"{self.suffix} {path}: the incomplete last {self.holds} were cut off: a process ended while writing them"
            )
            os.truncate(path, whole)
        return names

    def blocks(self, data: Any) -> Iterator[tuple[int, int, L | None]]:
        """Yield start, end and line of every whole block; None as the line of a damaged part between blocks.

        Args:
            data: the bytes of a file, also as a mapping.

        Raises:
            OtherLayoutError: the file has another layout.
        """
        if data[: len(_START)] != _START[: len(data)]:
            raise OtherLayoutError(f"it does not start like a file of {self.holds} of layout {self.layout}")
        start = 0
        while start < len(data):
            newline = data.find(b"\n", start, start + LONGEST)
            try:
                line = self.line_of(data[start : newline + 1]) if newline >= 0 else None
            except OtherLayoutError:
                raise
            except (ValidationError, ValueError, RecursionError):
                line = None
            if line is not None:
                if (end := newline + 1 + line.size) > len(data):
                    return
                yield start, end, line
                start = end
                continue
            following = data.find(_START, start + 1)
            if following < 0:
                return
            yield start, following, None
            start = following


def _release(data: Any) -> None:
    """Give back the memory of what was read of a mapped file: its lines are far apart, but all of it would stay."""
    if hasattr(mmap, "MADV_DONTNEED"):  # Linux and macOS
        data.madvise(mmap.MADV_DONTNEED)


@contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
