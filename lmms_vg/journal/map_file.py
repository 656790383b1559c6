"""Write the maps of a rank's answers beside its journal file, and find them again."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from loguru import logger

from lmms_vg.journal.layer_maps import LayerMaps, QuestionMap, ReferenceMap
from lmms_vg.journal.map_lines import MapLine, OtherLayoutError, block_of, blocks, maps_of
from lmms_vg.journal.places import append_bytes

#: How the files of maps of a journal folder are named.
PATTERN = "rank*.maps"

_REMEDY = "Answers and their values per layer are in the journal all the same"


class MapFile:
    """The maps that one rank writes; opened for its first map, so that runs without alignment leave no file.

    Args:
        journal: path of the rank's journal file; the maps lie beside it.
    """

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_suffix(".maps")
        self._file: int | None = None
        self._refused = False
        self._references: set[str] = set()

    def write(self, maps: Iterable[QuestionMap]) -> None:
        """Append maps in one write, each reference prompt's only once. The caller holds the lock of the folder.

        To a file of another layout nothing is written; this is logged once.

        Raises:
            OSError: they cannot be written.
        """
        waiting = list(maps)
        if not waiting:
            return
        if self._file is None and not self._refused:
            self._open()
        if self._file is None:
            return
        new = {kept.reference.key: kept.reference for kept in waiting if kept.reference.key not in self._references}
        written: list[QuestionMap | ReferenceMap] = [*new.values(), *waiting]
        append_bytes(self._file, b"".join(block_of(kept) for kept in written))
        self._references |= new.keys()

    def close(self) -> None:
        """Close the file; it can be opened again."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._refused = None, False
        self._references.clear()

    def _open(self) -> None:
        try:
            names = cut_torn_block(self.path)
        except OtherLayoutError as problem:
            self._refused = True
            logger.warning(f"maps {self.path}: {problem}. No maps are kept in this run. {_REMEDY}; move the file away")
            return
        self._references = {key for is_question, key in names if not is_question}
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)


class MapPlace(NamedTuple):
    """Where the block of a map is, and what its line states."""

    path: Path
    start: int
    end: int
    line: MapLine


class MapIndex:
    """Where the maps of journal files are. Memory holds the lines; the maps are read when they are asked for.

    A file that is missing holds no maps. One of another layout, and what is damaged, is said and skipped.

    Args:
        paths: files of maps, as of `PATTERN`.

    Attributes:
        places: (whether it is a question's, key) -> the last place of this map.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.places: dict[tuple[bool, str], MapPlace] = {}
        for path in paths:
            try:
                self.places |= {place.line.name: place for place in intact(path)}
            except OtherLayoutError as problem:
                logger.warning(f"maps {path}: {problem}. Its maps are not read. {_REMEDY}")

    def question(self, key: str) -> MapPlace | None:
        """Return where the map of a question is, if that of its reference prompt is there, too."""
        place = self.places.get((True, key))
        if place is None or place.line.question is None or (False, place.line.question.reference) not in self.places:
            return None
        return place

    def reference(self, place: MapPlace) -> MapPlace:
        """Return where the reference prompt's map of a question is."""
        assert place.line.question is not None, "places of questions"
        return self.places[False, place.line.question.reference]

    def maps(self, places: Sequence[MapPlace]) -> Iterator[LayerMaps | None]:
        """Read maps, in this order; None for one that is damaged, which is said."""
        opened: dict[Path, int] = {}
        try:
            for place in places:
                if place.path not in opened:
                    opened[place.path] = os.open(place.path, os.O_RDONLY)
                size = place.line.size
                try:
                    yield maps_of(place.line, os.pread(opened[place.path], size, place.end - size))
                except ValueError as problem:
                    logger.warning(f"maps {place.path}, byte {place.start}: {problem}; this map is left out")
                    yield None
        finally:
            for file in opened.values():
                os.close(file)


def intact(path: Path) -> Iterator[MapPlace]:
    """Yield the whole blocks of a file; damaged lines are reported and skipped, and a torn end is ignored.

    Raises:
        OtherLayoutError: the file has another layout.
    """
    with _mapped(path) as data:
        for start, end, line in blocks(data):
            if line is None:
                logger.warning(f"maps {path}: bytes {start} to {end} are damaged; maps in them are left out")
            else:
                yield MapPlace(path, start, end, line)


def cut_torn_block(path: Path) -> set[tuple[bool, str]]:
    """Cut off an incomplete block at the end, and return the names of all maps. The caller must hold the lock.

    Raises:
        OtherLayoutError: the file has another layout; nothing is cut off.
    """
    if not path.exists():
        return set()
    names, whole = set(), 0
    for place in intact(path):
        names.add(place.line.name)
        whole = place.end
    if whole < path.stat().st_size:
        logger.info(f"maps {path}: the incomplete last maps were cut off: a process ended while writing them")
        os.truncate(path, whole)
    return names


@contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
