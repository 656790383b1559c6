"""From model to scoring: what lmms-eval loses on the way.

lmms-eval loses everything a model attaches to its answers before scoring starts, so scoring asks this module:
`recall(task, uid)` returns what the model of this process remembered under `remember(record)`. Nor do its results have a
place for what exactly was run; a document that was signed (`sign`) carries it into the samples file.

Who scores other records meanwhile does so within `scoring(record)`, so that those of the run stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmms_vg.journal.record import Record


@dataclass(frozen=True)
class _Handover:
    """By task and document id."""

    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    signatures: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


_current: ContextVar[_Handover] = ContextVar("lmms_vg_handover", default=_Handover())  # noqa: B039 - shared by all threads on purpose


def remember(record: Record) -> None:
    """Make a record visible to scoring in this process, under its task and document id."""
    _current.get().records[record.task, record.uid] = record.without_heads()


def recall(task: str, uid: str) -> Record | None:
    """What our model said about this document in this process; None when the answer came from elsewhere."""
    return _current.get().records.get((task, uid))


def sign(task: str, uid: str, provenance: Mapping[str, Any]) -> None:
    """Hang the run's identity on this document."""
    _current.get().signatures[task, uid] = without_folders(provenance)


def signed(task: str, uid: str) -> dict[str, Any] | None:
    """The identity that was hung on this document in this process; None for all documents but the first of each task."""
    return _current.get().signatures.get((task, uid))


def forget() -> None:
    """Start of a run: answers of an earlier run in this process must not be scored again."""
    _current.get().records.clear()
    _current.get().signatures.clear()


@contextmanager
def scoring(record: Record) -> Iterator[None]:
    """Inside, this record is the only one that is remembered; behind it, what the run of this process remembered is."""
    token = _current.set(_Handover())
    try:
        remember(record)
        yield
    finally:
        _current.reset(token)


def without_folders(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The same, and of the files and folders in its settings only their names: it is handed on with the results."""
    settings = {name: _name_of(value) for name, value in provenance.get("settings", {}).items()}
    return dict(provenance) | ({"settings": settings} if settings else {})


def _name_of(value: Any) -> Any:
    """A hub id has slashes too, so a relative path is one only if something is there."""
    if not isinstance(value, str) or not value:
        return value
    path = Path(value).expanduser()
    return path.resolve().name if path.is_absolute() or path.exists() else value
