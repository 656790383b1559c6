"""Maps and values of heads that move to another machine with their journal (`archive`)."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from loguru import logger

from lmms_vg.journal.places import append_bytes
from lmms_vg.journal.sidecar import LONGEST, OtherLayoutError, Sidecar


class Block(NamedTuple):
    """A verified block: its name among those of its kind, and its bytes."""

    name: Hashable
    data: bytes


def readable(sidecar: Sidecar[Any], folder: Path) -> Iterator[Path]:
    """Yield the files of a kind in a journal; one of another layout is said and left out."""
    for path in sidecar.files(folder):
        try:
            next(sidecar.intact(path), None)
        except OtherLayoutError as problem:
            logger.warning(f"{sidecar.suffix} {path}: {problem}. Its {sidecar.holds} are left out")
        else:
            yield path


def intact_blocks(sidecar: Sidecar[Any], path: Path) -> Iterator[bytes]:
    """Yield the intact blocks of a file as they are; damaged ones are said and left out."""
    with path.open("rb") as file:
        for place in sidecar.intact(path):
            data = os.pread(file.fileno(), place.end - place.start, place.start)
            try:
                place.line.verified(data[-place.line.size :])
            except ValueError as problem:
                logger.warning(
                    f"{sidecar.suffix} {path}, byte {place.start}: {problem}; its {sidecar.holds} are left out"
                )
            else:
                yield data


def verified(sidecar: Sidecar[Any], member: IO[bytes]) -> Iterator[Block]:
    """Yield the blocks of a stream, of which every one must be intact.

    Raises:
        OtherLayoutError: a block has another layout.
        ValueError: a block is damaged; RecursionError if its line is nested too deeply.
    """
    while line := member.readline(LONGEST):
        about = sidecar.line_of(line)
        yield Block(about.name, line + about.verified(member.read(about.size)))


def add(sidecar: Sidecar[Any], blocks: Iterable[Block], path: Path, known: set[Hashable]) -> None:
    """Append those blocks to a file whose names are not known, and note their names.

    To a file of another layout nothing is added, which is said.

    Raises:
        OSError: they cannot be written.
    """
    try:
        sidecar.cut_torn_block(path)
    except OtherLayoutError as problem:
        logger.warning(f"{sidecar.suffix} {path}: {problem}. No {sidecar.holds} are imported into it; the answers are")
        return
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        for block in blocks:
            if block.name not in known:
                known.add(block.name)
                append_bytes(file, block.data)
    finally:
        os.close(file)
