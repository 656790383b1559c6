"""The answers in the files of a journal, of which memory holds only the places: a record is read when it is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from loguru import logger
from pydantic import ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg.journal import Record
from lmms_vg.journal.lines import Label, decode, read_labels
from lmms_vg.journal.places import line_at


class JournalAnswers:
    """Places of the records in journal files; use it in a `with` block. Needs no lock and changes nothing.

    Attributes:
        runs: provenance of every process that wrote the files, in order.
        places: task -> uid -> places of its records, in order.

    Raises:
        JournalError: a file has another format.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._files: list[BinaryIO] = []
        self.runs: list[dict[str, Any]] = []
        self.places: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, path in enumerate(self._paths):
            for offset, entry in read_labels(path):
                if isinstance(entry, Label):  # one number, as there is one for every answer
                    self.places[entry.task][entry.uid].append(offset * len(self._paths) + number)
                elif run := entry.get("run"):
                    self.runs.append(run)

    def __enter__(self) -> JournalAnswers:
        for path in self._paths:
            self._files.append(path.open("rb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._files:
            self._files.pop().close()

    def records(self, task: str, uid: str) -> list[tuple[int, Record]]:
        """Read the records of a question, each with its place; those that are no records are logged and left out."""
        return list(self._read(self.places[task][uid]))

    def record(self, place: int) -> Record:
        """Read the record at a place that `records` has named."""
        offset, number = divmod(place, len(self._paths))
        entry = decode(line_at(self._files[number].fileno(), offset))
        entry.pop("more", None)
        return Record.model_validate(entry).without_heads()

    def _read(self, places: Sequence[int]) -> Iterator[tuple[int, Record]]:
        for place in places:
            try:
                yield place, self.record(place)
            except ValidationError as problem:
                path = self._paths[place % len(self._paths)]
                logger.warning(f"journal {path}: a record was skipped: {said(problem.errors()[0])}")
