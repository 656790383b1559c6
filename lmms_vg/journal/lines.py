"""The lines of a journal file: one JSON object per line, with a checksum over its bytes.

    {"sha256": "6f1c0d…", "key": "…", "task": "…", …}

`sha256` holds the first 32 hexadecimal digits of the SHA-256 of the object without this field, as it was written:
`{"key": "…", "task": "…", …}`. All bytes of the line are compared exactly, so every flipped byte is found, also one in the
checksum. A CRC-32 finds a single flipped byte too, but accepts one in four billion lines with other damage (halves of two
lines, blocks of another file). Its speed would not matter next to parsing.

The lines of a batch are written together. All but the last begin with `"more": n`, the number of lines that follow. An
incomplete batch is cut off before writing continues, and its questions share a batch again. So a run that was killed gives
the same numbers as one that was not.

The first line of every process has the fields `"format"` and `"run"`. A reader refuses every other format number than its own.
These lines therefore keep their form in every format.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from loguru import logger

_START = b'{"sha256": "'
_DIGITS = 32
_SEPARATOR = b'", '
_REST = len(_START) + _DIGITS + len(_SEPARATOR)
_MORE = b'"more": '

#: The start of the body of a record's line, in the order of the fields of `Record`. Other orders are read too, but slower.
_STRING = rb'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LABEL = re.compile(
    rb'\{(?:"more": \d+, )?"key": %b, "task": %b, "uid": %b, "text": %b, "error": (null|")'
    % (_STRING, _STRING, _STRING, rb'"[^"\\]*(?:\\.[^"\\]*)*"')
)

T = TypeVar("T")

#: Version of the format. Every change raises it, except a new optional field of a record. Version 1 files have no number.
FORMAT = 2


class JournalError(OSError):
    """Answers cannot be written or read: the disk is full, a permission is missing, or the format is another one.

    The message names the folder and what to do.
    """


def encode(batch: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the lines of entries that are written together; no entry is empty."""
    lines = []
    for more, entry in zip(reversed(range(len(batch))), batch, strict=True):
        whole = {"more": more, **entry} if more else entry
        lines.append(signed(json.dumps(whole, ensure_ascii=False).encode(errors="backslashreplace")))
    return b"".join(lines)


def signed(body: bytes) -> bytes:
    """Return the line of a JSON object that is not empty, with its checksum."""
    return _START + _checksum(body) + _SEPARATOR + body[1:] + b"\n"


class Label(NamedTuple):
    """The question of a record, without the rest of the record. `answered`: it holds an answer, not a failure."""

    key: str
    task: str
    uid: str
    answered: bool


def decode(line: bytes) -> dict[str, Any]:
    """Return the entry of a line, with `more` if others of its batch follow.

    Raises:
        ValueError: the line is damaged; RecursionError if it is nested too deeply.
    """
    entry: dict[str, Any] = json.loads(_verified(line))
    return entry


def decode_label(line: bytes) -> Label | dict[str, Any]:
    """Return the label of a record's line, and the whole entry of any other line.

    The checksum is verified, but a record is not parsed, so it may turn out to be invalid when it is read.

    Raises:
        ValueError: as in `decode`, or the record has no key, task or uid.
    """
    if start := _LABEL.match(_verified(line)):
        key, task, uid, error = start.groups()
        return Label(_text(key), _text(task), _text(uid), error == b"null")
    entry = decode(line)
    if "run" in entry:
        return entry
    named: dict[str, Any] = {name: entry.get(name) for name in ("key", "task", "uid")}
    if not all(isinstance(value, str) for value in named.values()):
        raise ValueError("the record has no key, task or uid")
    return Label(**named, answered=entry.get("error") is None)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a journal file, without the fields of the line format.

    An incomplete last line is ignored: a process was killed, or is still writing it. A damaged line is reported and skipped.

    Raises:
        JournalError: the file has another format.
    """
    for _, _, entry in _scan(path, decode):
        entry.pop("more", None)
        yield entry


def read_labels(path: Path) -> Iterator[tuple[int, Label | dict[str, Any]]]:
    """Yield the offset and, as `decode_label`, the content of every intact line, several times as fast as `read_lines`.

    Raises:
        JournalError: the file has another format.
    """
    return ((offset, label) for offset, _, label in _scan(path, decode_label))


def read_intact(path: Path) -> Iterator[bytes]:
    """Yield the intact lines of a journal file as they are; otherwise as `read_lines`."""
    return (line for _, line, _ in _scan(path, decode_label))


def require_format(where: object, entry: Mapping[str, Any]) -> None:
    """Check the format that the first line of a process states.

    Raises:
        JournalError: it is another one.
    """
    if "run" in entry and (stated := entry.get("format", 1)) != FORMAT:
        raise JournalError(
            f"journal {where}: its format is {stated}; this version of lmms_vg supports {FORMAT}. Use the version that "
            "wrote it, or start a new journal: the same command with LMMS_VG_HOME=FOLDER"
        )


def cut_torn_batch(path: Path) -> None:
    """Cut off an incomplete batch, so that appending starts on a new line. The caller must hold the lock.

    Raises:
        JournalError: the file has another format.
    """
    if not path.exists():
        return
    next(read_lines(path), None)  # raises on another format, before anything is cut off
    size = whole = 0
    with path.open("rb") as lines:
        for line in lines:
            size += len(line)
            if line.endswith(b"\n") and not line.startswith(_MORE, _REST):
                whole = size
    if whole < size:
        logger.info(f"journal {path}: incomplete last lines were cut off: a process ended while writing them")
        os.truncate(path, whole)


def _scan(path: Path, parse: Callable[[bytes], T]) -> Iterator[tuple[int, bytes, T]]:
    """Yield the offset, the bytes and the content of every intact line."""
    offset = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                content = parse(line)
            except (ValueError, RecursionError):
                logger.warning(f"journal {path}: line {number} is damaged and was skipped; its question is asked again")
            else:
                if isinstance(content, dict):
                    require_format(path, content)
                    content.pop("format", None)
                yield offset, line, content
            offset += len(line)


def _text(inside: bytes) -> str:
    """Return the text of a JSON string, given without its quotation marks."""
    return str(json.loads(b'"%b"' % inside)) if b"\\" in inside else inside.decode()


def _verified(line: bytes) -> bytes:
    """Return the object without its checksum; raise ValueError if any byte of the line has changed."""
    body = b"{" + line[_REST:-1]
    if line[:_REST] != _START + _checksum(body) + _SEPARATOR:
        raise ValueError("the checksum does not match the line")
    return body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_DIGITS].encode()
