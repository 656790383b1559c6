"""Maps that move to another machine with their journal (`archive`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from loguru import logger

from lmms_vg.journal.map_file import PATTERN, cut_torn_block, intact
from lmms_vg.journal.map_lines import LONGEST, OtherLayoutError, line_of, maps_of
from lmms_vg.journal.places import append_bytes


class Block(NamedTuple):
    """A verified block: whether it is of a question, and its key; and its bytes."""

    name: tuple[bool, str]
    data: bytes


def readable(folder: Path) -> Iterator[Path]:
    """Yield the files of maps of a journal; one of another layout is said and left out."""
    for path in sorted(folder.glob(PATTERN)):
        try:
            next(intact(path), None)
        except OtherLayoutError as problem:
            logger.warning(f"maps {path}: {problem}. Its maps are left out")
        else:
            yield path


def intact_blocks(path: Path) -> Iterator[bytes]:
    """Yield the intact blocks of a file as they are; damaged ones are said and left out."""
    with path.open("rb") as file:
        for place in intact(path):
            data = os.pread(file.fileno(), place.end - place.start, place.start)
            try:
                maps_of(place.line, data[-place.line.size :])
            except ValueError as problem:
                logger.warning(f"maps {path}, byte {place.start}: {problem}; this map is left out")
            else:
                yield data


def verified(member: IO[bytes]) -> Iterator[Block]:
    """Yield the blocks of a stream, of which every one must be intact.

    Raises:
        OtherLayoutError: a block has another layout.
        ValueError: a block is damaged; RecursionError if its line is nested too deeply.
    """
    while line := member.readline(LONGEST):
        about = line_of(line)
        data = member.read(about.size)
        maps_of(about, data)
        yield Block(about.name, line + data)


def add(blocks: Iterable[Block], path: Path, known: set[tuple[bool, str]]) -> None:
    """Append those blocks to a file of maps whose names are not known, and note their names.

    To a file of another layout nothing is added, which is said.

    Raises:
        OSError: they cannot be written.
    """
    try:
        cut_torn_block(path)
    except OtherLayoutError as problem:
        logger.warning(f"maps {path}: {problem}. No maps are imported into it; the answers are")
        return
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        for block in blocks:
            if block.name not in known:
                known.add(block.name)
                append_bytes(file, block.data)
    finally:
        os.close(file)
