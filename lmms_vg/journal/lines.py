"""The lines of a journal file: one JSON object each, with a checksum over the bytes of the object.

    {"sha256": "6f1c0d…", "key": "…", "task": "…", …}

`sha256` holds the first 32 hexadecimal digits of the SHA-256 of the object without this field, as it was written:
`{"key": "…", "task": "…", …}`. The field and all other bytes of the line are compared exactly, so that every flipped byte is
found, one in the checksum included. A CRC-32 finds a single flipped byte too, but takes one of four billion lines that were
damaged otherwise (halves of two lines, blocks of another file) for whole; and its speed would save nothing beside parsing.

Lines of a batch are written together. All but the last begin with `"more": n`, the number of those that follow. A batch that
was not written whole is cut off before writing goes on, and its questions share a batch again: so a run that was killed gives
the numbers of one that was not.

The first line of every process has `"format"` beside `"run"`. A reader refuses other formats than its own by number; so that it
can, these lines keep their form in every format.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from loguru import logger

_START = b'{"sha256": "'
_DIGITS = 32
_SEPARATOR = b'", '
_REST = len(_START) + _DIGITS + len(_SEPARATOR)
_MORE = b'"more": '

#: Goes up with every change but an optional field of a record. 1 had no number in the file.
FORMAT = 2


class JournalError(OSError):
    """Answers cannot be kept, or not be read: a full disk, no right to write, another format.

    The message names the folder and the way on.
    """


def encode(batch: Sequence[Mapping[str, Any]]) -> bytes:
    """The lines of entries that are written together; none of them is empty."""
    lines = []
    for more, entry in zip(reversed(range(len(batch))), batch, strict=True):
        whole = {"more": more, **entry} if more else entry
        body = json.dumps(whole, ensure_ascii=False).encode(errors="backslashreplace")
        lines.append(_START + _checksum(body) + _SEPARATOR + body[1:] + b"\n")
    return b"".join(lines)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects of a journal file, without what belongs to the line.

    A torn last line, which a killed process leaves or a live one is writing, is no entry yet. A damaged line is reported
    and skipped.

    Raises:
        JournalError: it is of another format.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                entry = json.loads(_verified(line))
            except (ValueError, RecursionError):
                logger.warning(f"journal {path}: line {number} is damaged and was skipped; its question is asked again")
                continue
            if "run" in entry and (stated := entry.pop("format", 1)) != FORMAT:
                raise JournalError(
                    f"journal {path}: its format is {stated}, this version of lmms_vg reads and writes {FORMAT}. Use the "
                    "version that wrote it, or answer anew elsewhere: LMMS_VG_HOME=FOLDER and the same command"
                )
            entry.pop("more", None)
            yield entry


def cut_torn_batch(path: Path) -> None:
    """Cut off what was not written whole, so that appending starts on a fresh line. Only for who holds the lock.

    Raises:
        JournalError: it is of another format.
    """
    if not path.exists():
        return
    next(read_lines(path), None)  # of another format nothing is cut off
    size = whole = 0
    with path.open("rb") as lines:
        for line in lines:
            size += len(line)
            if line.endswith(b"\n") and not line.startswith(_MORE, _REST):
                whole = size
    if whole < size:
        logger.info(f"journal {path}: its last lines are cut off, as a process ended while it wrote them")
        os.truncate(path, whole)


def _verified(line: bytes) -> bytes:
    """The object without its checksum. Raises ValueError if a byte of the line is not as it was written."""
    body = b"{" + line[_REST:-1]
    if line[:_REST] != _START + _checksum(body) + _SEPARATOR:
        raise ValueError("the checksum is not that of the line")
    return body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_DIGITS].encode()
