"""Hand records from the model over to scoring, because lmms-eval passes on only the text of an answer.

Scoring calls `recall(task, uid)` and gets the record that the model of this process stored with `remember(record)`. The
results of lmms-eval have no field for provenance either; a signed document (`sign`) carries it into the samples file.

To score other records in the same process, use `scoring(record)`, which leaves the records of the run untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmms_vg.journal.record import Record
from lmms_vg.journal.spill import Spill


@dataclass(frozen=True)
class _Handover:
    """Records and provenance by task and document id. `single` is the one record that is scored apart from a run's own."""

    single: Record | None = None
    records: Spill = field(default_factory=Spill)
    signatures: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


_current: ContextVar[_Handover] = ContextVar("lmms_vg_handover", default=_Handover())  # noqa: B039 - shared by all threads on purpose


def remember(record: Record) -> None:
    """Make a record visible to scoring in this process, under its task and document id; it is kept on disk.

    Raises:
        JournalError: it cannot be written.
    """
    _current.get().records.put(record.task, record.uid, record.without_heads())


def recall(task: str, uid: str) -> Record | None:
    """Return our model's record of this document in this process; None if another model answered.

    Raises:
        JournalError: it cannot be read from the disk.
    """
    current = _current.get()
    single = current.single
    if single is not None and (single.task, single.uid) == (task, uid):
        return single
    return current.records.get(task, uid)


def sign(task: str, uid: str, provenance: Mapping[str, Any]) -> None:
    """Attach the run's provenance to this document, with folder names removed."""
    _current.get().signatures[task, uid] = without_folders(provenance)


def signed(task: str, uid: str) -> dict[str, Any] | None:
    """Return the provenance that `sign` attached to this document in this process; only a task's first document has one."""
    return _current.get().signatures.get((task, uid))


def forget() -> None:
    """Start a run: drop the records of an earlier run in this process, which must not be scored again."""
    _current.get().records.clear()
    _current.get().signatures.clear()


@contextmanager
def scoring(record: Record) -> Iterator[None]:
    """Inside the block, `recall` knows only this record; afterwards it knows the run's records again."""
    token = _current.set(_Handover(record.without_heads()))
    try:
        yield
    finally:
        _current.reset(token)


def without_folders(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance with only the names of files and folders in its settings, as results are shared."""
    settings = {name: _name_of(value) for name, value in provenance.get("settings", {}).items()}
    return dict(provenance) | ({"settings": settings} if settings else {})


def _name_of(value: Any) -> Any:
    """Return a path's last name. A hub id has slashes too, so a relative path counts only if it exists."""
    if not isinstance(value, str) or not value:
        return value
    path = Path(value).expanduser()
    return path.resolve().name if path.is_absolute() or path.exists() else value
