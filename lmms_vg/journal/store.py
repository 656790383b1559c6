"""Write the answers of a configuration to its journal folder, and find them again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg.journal.head_values import HEADS, QuestionHeads, blocks_of
from lmms_vg.journal.layer_maps import QuestionMap
from lmms_vg.journal.lines import FORMAT, Label, cut_torn_batch, decode, decode_label, read_labels, read_lines
from lmms_vg.journal.location import writing_to
from lmms_vg.journal.map_file import MapFile
from lmms_vg.journal.places import append, line_at
from lmms_vg.journal.record import Record
from lmms_vg.journal.sidecar_file import SidecarFile

#: More than a folder has files; see `Journal._places`.
_FILES = 1 << 20


def read_entries(paths: Iterable[Path]) -> Iterator[Record | dict[str, Any]]:
    """Yield the entries of journal files in order: for every process that wrote, its provenance and then its records.

    Needs no lock and changes nothing.

    Raises:
        JournalError: a file has another format.
    """
    for path in paths:
        for line in read_lines(path):
            if "run" in line:
                yield line["run"]
                continue
            try:
                yield Record.model_validate(line)
            except ValidationError as problem:
                logger.warning(f"journal {path}: a record was skipped: {said(problem.errors()[0])}")


def read_records(paths: Iterable[Path]) -> Iterator[Record]:
    """Yield the records of journal files in order.

    Raises:
        JournalError: a file has another format.
    """
    return (entry for entry in read_entries(paths) if isinstance(entry, Record))


class Journal:
    """Answers of one configuration; use it in a `with` block. All ranks read all files; each rank appends to its own.

    Memory holds only where the line of each answer is: the record is read, and its checksum verified, when it is asked for.

    The caller must hold the lock of the folder (`lock.FolderLock`) while the journal is open.

    Args:
        folder: the journal folder.
        rank: rank of this process.
        provenance: written at the start of every process.
    """

    def __init__(self, folder: Path, rank: int = 0, provenance: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.path = folder / f"rank{rank}.jsonl"
        self.provenance = dict(provenance or {})
        self._file: int | None = None
        self._maps, self._heads = MapFile(self.path), SidecarFile(HEADS, self.path)
        self._paths = [self.path]
        #: Content key -> where its last line is: offset * _FILES + index in `_paths`. One number, as there is one per answer.
        self._places: dict[str, int] = {}
        #: Content key -> task and uid of its earlier lines; most answers have none.
        self._other_names: dict[str, set[tuple[str, str]]] = {}

    def __enter__(self) -> Journal:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            cut_torn_batch(self.path)
            paths = sorted(self.folder.glob("rank*.jsonl"))
            self._paths = [self.path, *paths]
            for path in paths:
                number = self._paths.index(path)
                for offset, label in read_labels(path):
                    if isinstance(label, Label):
                        self._index(label, offset * _FILES + number)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._append([{"format": FORMAT, "run": self.provenance}])
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and forget the answers; the journal can be opened again."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._maps.close()
        self._heads.close()
        self._places.clear()
        self._other_names.clear()

    def keys(self) -> set[str]:
        """Return the content keys of all answers."""
        return set(self._places)

    def get(self, key: str) -> Record:
        """Read the answer with this content key from its file, with all that was written.

        Raises:
            KeyError: there is none, or its line can no longer be read; the latter is logged.
        """
        place = self._places[key]
        try:
            entry = decode(self._line(place))
            entry.pop("more", None)
            record = Record.model_validate(entry)
            if record.key != key or record.error is not None:  # another process cut off its torn lines and wrote others
                raise ValueError("another line was written there")
        except (ValueError, RecursionError, OSError) as problem:
            reason = said(problem.errors()[0]) if isinstance(problem, ValidationError) else problem
            logger.warning(
                f"journal {self._paths[place % _FILES]}: the answer at byte {place // _FILES} cannot be read ({reason}); its "
                "question is asked again"
            )
            del self._places[key]
            self._other_names.pop(key, None)
            raise KeyError(key) from problem
        return record

    def find(self, key: str, task: str, uid: str) -> Record | None:
        """Return the answer that was given under exactly these circumstances, or None; failures are asked again.

        Several documents may contain the same question about the same image; each gets its own line.
        """
        if key not in self._places:
            return None
        try:
            record = self.get(key)
        except KeyError:
            return None
        if (record.task, record.uid) != (task, uid):
            known = (task, uid) in self._other_names.get(key, ())
            record = record.model_copy(update={"task": task, "uid": uid})
            if not known:
                self.write([record])
        return record.without_heads()

    def write(
        self, records: Iterable[Record], maps: Sequence[QuestionMap] = (), heads: Sequence[QuestionHeads] = ()
    ) -> None:
        """Append records in one write, so that a batch is journalled as a whole or not at all.

        Their maps and values of heads are written first: those of questions that have no answer yet do no harm, and are
        written again with it.

        Raises:
            JournalError: the records, maps or values cannot be written.
        """
        with writing_to(self.folder):
            self._maps.add(maps)
            self._heads.write(blocks_of(heads))
        records = list(records)
        offsets = self._append([record.model_dump(mode="json") for record in records])
        for record, offset in zip(records, offsets, strict=True):
            self._index(Label(record.key, record.task, record.uid, record.error is None), offset * _FILES)

    def _index(self, label: Label, place: int) -> None:
        """Note where an answer is. Of several lines with one key the last counts, under the names of all."""
        if not label.answered:
            return
        earlier = self._places.get(label.key)
        if earlier is not None:
            with suppress(ValueError, RecursionError, OSError):  # a line that is damaged by now names nothing
                name = decode_label(self._line(earlier))
                if isinstance(name, Label):
                    self._other_names.setdefault(label.key, set()).add((name.task, name.uid))
        self._places[label.key] = place

    def _line(self, place: int) -> bytes:
        """Return the line at a place. Files of other ranks are opened for each reading: there may be very many."""
        offset, number = divmod(place, _FILES)
        if number == 0 and self._file is not None:
            return line_at(self._file, offset)
        file = os.open(self._paths[number], os.O_RDONLY)
        try:
            return line_at(file, offset)
        finally:
            os.close(file)

    def _append(self, batch: Sequence[Mapping[str, Any]]) -> list[int]:
        assert self._file is not None, "a journal is written inside `with`"
        with writing_to(self.folder):
            return append(self._file, batch)


def is_journal(folder: Path) -> bool:
    """Return whether this is the folder of a journal, `LMMS_VG_HOME/journal/<configuration>`."""
    return any(folder.glob("rank*.jsonl"))
