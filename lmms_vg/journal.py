"""Append-only record of every answered question: resume, provenance, and the channel from model to scoring.

One folder per configuration (`LMMS_VG_HOME/journal/<configuration>/`), one JSON-lines file per rank, one line per answer,
flushed as soon as the answer exists. A record is found again by its *content key* (weights, method, prompt, image,
generation settings, code), so an answer that was given under any other circumstances is never replayed. A torn last line,
the mark of a killed process, is dropped on reading and cut off before writing goes on.

lmms-eval loses everything a model attaches to its answers before scoring starts, so scoring asks this module:
`recall(task, uid)` returns what the model of this process remembered under `remember(record)`. Nor do its results have a
place for what exactly was run; a document that was signed (`sign`) carries it into the samples file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError


class Record(BaseModel):
    """One asked question. `error` is None exactly when the model answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    task: str
    uid: str
    text: str = ""
    error: str | None = None
    prompt: str = ""
    image: str = ""
    seconds: float = 0.0
    decoding: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    alignment: dict[str, Any] | None = None

    def without_heads(self) -> Record:
        """The record as kept in memory: per-head values (layers x heads numbers a question) stay in the file."""
        if not self.alignment or "heads" not in self.alignment:
            return self
        layers = {name: value for name, value in self.alignment.items() if name != "heads"}
        return self.model_copy(update={"alignment": layers})


def home() -> Path:
    """Where lmms_vg keeps its state: `LMMS_VG_HOME`, by default `~/.cache/lmms_vg`."""
    return Path(os.environ.get("LMMS_VG_HOME") or Path.home() / ".cache" / "lmms_vg").expanduser()


def content_key(parts: Mapping[str, Any]) -> str:
    """Hash of everything that may change an answer; `parts` must be JSON values."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="backslashreplace")).hexdigest()[:32]


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects of a journal file; a torn last line is dropped, damage elsewhere is reported and skipped."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError("not an object")
                yield value
            except ValueError:
                logger.warning(
                    f"journal {path.name}: line {number} is damaged and was skipped; its question is asked again"
                )


def read_records(paths: Iterable[Path]) -> Iterator[Record]:
    """Records of journal files in order, headers left out."""
    for path in paths:
        for line in read_lines(path):
            if "run" in line:
                continue
            try:
                yield Record.model_validate(line)
            except ValidationError as problem:
                logger.warning(f"journal {path.name}: a record was skipped: {problem.errors()[0]['msg']}")


class Journal:
    """Answers of one configuration. All ranks read everything; each rank appends to its own file."""

    def __init__(self, folder: Path, rank: int = 0, provenance: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.path = folder / f"rank{rank}.jsonl"
        self.provenance = dict(provenance or {})
        folder.mkdir(parents=True, exist_ok=True)
        records = read_records(sorted(folder.glob("rank*.jsonl")))
        self._answered: dict[str, Record] = {}
        self._named: set[tuple[str, str, str]] = set()
        self._keep(records)
        _cut_torn_line(self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._append([{"run": self.provenance}])

    def find(self, key: str, task: str, uid: str) -> Record | None:
        """The answer given under exactly these circumstances, or None. Failures are not kept: they are asked again.

        The same question about the same image may stand in several documents; each gets a line of its own name.
        """
        record = self._answered.get(key)
        if record is None or (key, task, uid) in self._named:
            return record and record.model_copy(update={"task": task, "uid": uid})
        record = record.model_copy(update={"task": task, "uid": uid})
        self.write([record])
        return record

    def write(self, records: Iterable[Record]) -> None:
        """Append records in one write, so that a batch is journalled whole or not at all."""
        records = list(records)
        self._append([record.model_dump(mode="json") for record in records])
        self._keep(records)

    def _keep(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.error is None:
                self._answered[record.key] = record.without_heads()
                self._named.add((record.key, record.task, record.uid))

    def close(self) -> None:
        os.close(self._file)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(errors="backslashreplace")
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]


def _cut_torn_line(path: Path) -> None:
    """A line without its newline is what a killed process leaves; cut it off so that appending starts on a fresh line."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        whole = sum(len(line) for line in lines if line.endswith(b"\n"))
    if whole < path.stat().st_size:
        os.truncate(path, whole)


_remembered: dict[tuple[str, str], Record] = {}
_signed: dict[tuple[str, str], dict[str, Any]] = {}


def remember(record: Record) -> None:
    """Make a record visible to scoring in this process, under its task and document id."""
    _remembered[record.task, record.uid] = record.without_heads()


def recall(task: str, uid: str) -> Record | None:
    """What our model said about this document in this process; None when the answer came from elsewhere."""
    return _remembered.get((task, uid))


def sign(task: str, uid: str, provenance: Mapping[str, Any]) -> None:
    """Hang the run's identity on this document."""
    _signed[task, uid] = without_folders(provenance)


def signed(task: str, uid: str) -> dict[str, Any] | None:
    """The identity that was hung on this document in this process; None for all documents but the first of each task."""
    return _signed.get((task, uid))


def forget() -> None:
    """Start of a run: answers of an earlier run in this process must not be scored again."""
    _remembered.clear()
    _signed.clear()


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
