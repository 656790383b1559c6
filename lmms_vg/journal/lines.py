"""The lines of a journal file: one JSON object each, with a checksum over the bytes of the object.

    {"sha256": "6f1c0d…", "key": "…", "task": "…", …}

`sha256` holds the first 32 hexadecimal digits of the SHA-256 of the object without this field, as it was written:
`{"key": "…", "task": "…", …}`. The field and all other bytes of the line are compared exactly, so that every flipped byte is
found, one in the checksum included. A CRC-32 finds a single flipped byte too, but takes one of four billion lines that were
damaged otherwise (halves of two lines, blocks of another file) for whole; and its speed would save nothing beside parsing.

Lines of a batch are written together. All but the last begin with `"more": n`, the number of those that follow. A batch that
was not written whole is cut off before writing goes on, and its questions share a batch again: so a run that was killed gives
the numbers of one that was not.

Journals of older versions have no checksums. Such lines are read where they stand before all lines with one: behind them, a
line without a checksum has lost it.
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

#: How lines of older versions begin: a run, or an answer.
_UNPROTECTED = (b'{"run": ', b'{"key": ')


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
    and skipped, and it is said once how many lines have no checksum.
    """
    unprotected, protected = 0, False
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            old = not protected and line.startswith(_UNPROTECTED)
            try:
                entry = json.loads(line if old else _verified(line))
            except (ValueError, RecursionError):
                logger.warning(f"journal {path}: line {number} is damaged and was skipped; its question is asked again")
                continue
            unprotected, protected = unprotected + old, not old
            entry.pop("more", None)
            yield entry
    if unprotected:
        logger.warning(
            f"journal {path}: {unprotected} lines of an older version have no checksum; damage to them may go unnoticed"
        )


def cut_torn_batch(path: Path) -> None:
    """Cut off what was not written whole, so that appending starts on a fresh line. Only for who holds the lock."""
    if not path.exists():
        return
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
