"""Write the maps of a rank's answers beside its journal file, and find them again."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from lmms_vg.journal.block_reader import BlockReader
from lmms_vg.journal.layer_maps import LayerMaps, QuestionMap, ReferenceMap, further_key
from lmms_vg.journal.map_lines import MAPS, MapLine, block_of, maps_of
from lmms_vg.journal.sidecar import BlockPlace
from lmms_vg.journal.sidecar_file import SidecarFile

#: The place of the block of a map, and its line.
MapPlace: TypeAlias = BlockPlace[MapLine]


class MapFile(SidecarFile):
    """The maps that one rank writes.

    Args:
        journal: path of the rank's journal file; the maps lie beside it.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(MAPS, journal)
        self._references: set[str] = set()

    def add(self, maps: Sequence[QuestionMap]) -> None:
        """Append maps in one write, each reference prompt's only once; otherwise as `write`."""
        if not maps or not self.opened():
            return
        new = {kept.reference.key: kept.reference for kept in maps if kept.reference.key not in self._references}
        written: list[QuestionMap | ReferenceMap] = [*new.values(), *maps]
        self.write(block_of(kept) for kept in written)
        self._references |= new.keys()

    def note(self, names: set[Hashable]) -> None:
        """Remember whose reference prompts have maps already."""
        self._references = {name[1] for name in names if isinstance(name, tuple) and not name[0]}


class MapIndex:
    """Places of the maps in journal files. Memory holds the lines; the maps are read when they are asked for.

    A file that is missing holds no maps. One of another layout, and what is damaged, is said and skipped.

    Args:
        paths: files of maps.

    Attributes:
        places: (whether it is a question's, key) -> the last place of this map.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.places = MAPS.places(paths)

    @classmethod
    def of(cls, folder: Path) -> MapIndex:
        """Find the maps of a journal folder."""
        return cls(MAPS.files(folder))

    def question(self, key: str, rows: str | None = None, view: int = 0) -> MapPlace | None:
        """Return where the map of a question is, if that of its reference prompt is there, too.

        Args:
            key: key of the record.
            rows: the token rows that were averaged; None for the run's first selection.
            view: which of the first image's views; the first is the measured one.
        """
        place = self.places.get((True, further_key(key, view=view)))
        if rows is not None and (place is None or place.line.question is None or place.line.question.rows != rows):
            place = self.places.get((True, further_key(key, rows, view)))
        if place is None or place.line.question is None or (False, place.line.question.reference) not in self.places:
            return None
        return place

    @cached_property
    def further(self) -> dict[str, list[tuple[str, int]]]:
        """Key of a record -> token rows and view of the maps that it has besides the measured one, in the order of the file."""
        by_record: dict[str, list[tuple[str, int]]] = {}
        for place in self.places.values():
            key, plus, _ = place.line.key.partition("+")
            if plus and (question := place.line.question) is not None:
                by_record.setdefault(key, []).append((question.rows, question.view))
        return by_record

    def reference(self, place: MapPlace) -> MapPlace:
        """Return where the reference prompt's map of a question is."""
        assert place.line.question is not None, "places of questions"
        return self.places[False, place.line.question.reference]

    def maps(self, places: Sequence[MapPlace]) -> Iterator[LayerMaps | None]:
        """Read maps, in this order; None for one that is damaged, which is said."""
        with BlockReader(MAPS) as reader:
            for place in places:
                data = reader.read(place)
                yield None if data is None else maps_of(place.line, data)
