"""Append to a file as a whole or not at all, and read a line back from its place."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

from lmms_vg.journal.lines import encode

#: Bytes that are read at once, as a line's length is not known; most lines are shorter.
_PAGE = 1 << 13


def append(file: int, batch: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write the lines of a batch at the end of a file, as a whole or not at all, and return the offset of each.

    Args:
        file: descriptor of a file to which only this process appends.
        batch: the entries.

    Raises:
        OSError: they cannot be written.
    """
    data = encode(batch)
    end = append_bytes(file, data)
    lengths = [len(line) for line in data.splitlines(keepends=True)]
    return list(accumulate(lengths, initial=end))[:-1]


def append_bytes(file: int, data: bytes) -> int:
    """Write bytes at the end of a file, as a whole or not at all, and return their offset; arguments as for `append`.

    Raises:
        OSError: they cannot be written.
    """
    end = os.lseek(file, 0, os.SEEK_END)
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except BaseException:
        with suppress(OSError):  # what is written next must not be joined to half of this
            os.ftruncate(file, end)
        raise
    return end


def line_at(file: int, offset: int) -> bytes:
    """Return the line that starts at an offset, with what there is of it if the file ends first; threads may share the file.

    Raises:
        OSError: the file cannot be read.
    """
    parts: list[bytes] = []
    while part := os.pread(file, _PAGE, offset):
        line, newline, _ = part.partition(b"\n")
        parts.append(line + newline)
        if newline:
            break
        offset += len(part)
    return b"".join(parts)
