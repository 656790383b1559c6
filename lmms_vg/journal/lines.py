"""The lines of a journal file: one JSON object each, with a checksum over the bytes of the object.

    {"sha256": "6f1c0d…", "key": "…", "task": "…", …}

`sha256` holds the first 32 hexadecimal digits of the SHA-256 of the object without this field, as it was written:
`{"key": "…", "task": "…", …}`. The field and all other bytes of the line are compared exactly, so that every flipped byte is
found, one in the checksum included. A CRC-32 finds a single flipped byte too, but takes one of four billion lines that were
damaged otherwise (halves of two lines, blocks of another file) for whole; and its speed would save nothing beside parsing.

Journals of older versions have no checksums. Such lines are read where they stand before all lines with one: behind them, a
line without a checksum has lost it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loguru import logger

_START = b'{"sha256": "'
_DIGITS = 32
_SEPARATOR = b'", '

#: How lines of older versions begin: a run, or an answer.
_UNPROTECTED = (b'{"run": ', b'{"key": ')


def encode(entry: Mapping[str, Any]) -> bytes:
    """The line of an entry that is not empty, newline included."""
    body = json.dumps(entry, ensure_ascii=False).encode(errors="backslashreplace")
    return _START + _checksum(body) + _SEPARATOR + body[1:] + b"\n"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects of a journal file, without their checksums.

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
            yield entry
    if unprotected:
        logger.warning(
            f"journal {path}: {unprotected} lines of an older version have no checksum; damage to them may go unnoticed"
        )


def cut_torn_line(path: Path) -> None:
    """Cut off a last line without its newline, so that appending starts on a fresh line. Only for who holds the lock."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        whole = sum(len(line) for line in lines if line.endswith(b"\n"))
    if whole < path.stat().st_size:
        logger.info(f"journal {path}: the last line is cut off, as its process ended while it was written")
        os.truncate(path, whole)


def _verified(line: bytes) -> bytes:
    """The object without its checksum. Raises ValueError if a byte of the line is not as it was written."""
    digits, separator = len(_START), len(_START) + _DIGITS
    rest = separator + len(_SEPARATOR)
    body = b"{" + line[rest:-1]
    if line[:rest] != _START + _checksum(body) + _SEPARATOR:
        raise ValueError(f"the checksum {line[digits:separator]!r} is not that of the line")
    return body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_DIGITS].encode()
