"""Answers that this rank gave for others, on their way to the ranks that score them."""

from __future__ import annotations

from collections.abc import Iterator

from lmms_vg.inference.job import exchange
from lmms_vg.inference.requests import Requested
from lmms_vg.journal import Record
from lmms_vg.journal.spill import Spill


class Outgoing:
    """Records for other ranks; they wait on disk.

    Args:
        rank: rank of this process.
    """

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._requests: list[tuple[int, Requested]] = []
        self._records = Spill()

    def add(self, request: Requested, record: Record) -> None:
        """Keep a record for the rank that was asked.

        Raises:
            JournalError: it cannot be written.
        """
        self._requests.append((request.rank, request))
        self._records.put(*_name(request), record.without_heads())

    def exchange(self) -> Iterator[tuple[Requested, Record]]:
        """Yield what other ranks have for this one; all ranks must call this together, after the last `add`.

        Raises:
            JournalError: a record cannot be read.
        """
        yield from exchange(self._requests, self._load, self._rank)
        self._records.clear()

    def _load(self, request: Requested) -> Record:
        record = self._records.get(*_name(request))
        assert record is not None, "each request was added with its record"
        return record


def _name(request: Requested) -> tuple[str, str]:
    """Task and name of a request's record, different for repeated requests."""
    return request.task, "-".join(map(str, request.order))
