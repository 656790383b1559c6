"""Count the settings that were tried on the questions of a comparison, whether or not they are in it.

The best of seventeen equal settings looks better than plain in three sweeps of ten. Whoever compares it alone must still
correct for the seventeen, so they are counted: those that were run together with a run (its provenance says so), and those
whose answers are in a journal on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from lmms_vg.journal import JournalError, folders, read_lines
from lmms_vg.runs.agreement import shared
from lmms_vg.runs.results import Run

#: Fields of the provenance that settings of one experiment share.
_SAME = ("weights", "prompt", "dtype")


def settings_tried(base: Run, others: Sequence[Run], tasks: Iterable[str]) -> tuple[int, str]:
    """Return the number of settings that were tried on these tasks, at least the number of other runs, and a note.

    The note is empty if no more were tried than are compared.
    """
    names = list(tasks)
    together = max((len(shared(run)) for run in others), default=1) - 1  # plain is one of them
    journalled = _journalled(base, {run.name for run in others if run.provenance is not None}, names)
    tried = max(together, journalled, len(others))
    if tried == len(others):
        return tried, ""
    sources = [f"{together} were run together"] if together > len(others) else []
    sources += [f"{journalled} are in LMMS_VG_HOME/journal"] if journalled > len(others) else []
    compared = "1 setting is" if len(others) == 1 else f"{len(others)} settings are"
    return tried, (
        f"{compared} compared of {tried} that were asked these questions ({'; '.join(sources)}): p (Holm) is corrected for all "
        "of them, since the best of several also had the most luck"
    )


def _journalled(base: Run, methods: set[str], tasks: Sequence[str]) -> int:
    """Settings of these methods, on the same weights, that have answers to one of the tasks in a journal of this machine."""
    settings = set()
    for folder in folders.folders() if methods and base.provenance is not None else ():
        provenance = _first(folder)
        method = provenance.get("method")
        if (
            isinstance(method, dict)
            and method.get("name") in methods
            and all(provenance.get(field) == (base.provenance or {}).get(field) for field in _SAME)
            and any(_asks(path, tasks) for path in folder.glob("rank*.jsonl"))
        ):
            settings.add(str(method))
    return len(settings)


def _first(folder: Path) -> dict[str, Any]:
    """Return the provenance in a journal's first line."""
    for path in sorted(folder.glob("rank*.jsonl")):
        try:
            for entry in read_lines(path):
                return dict(entry.get("run") or {})
        except JournalError:  # of another version, whose answers no run of this one can have
            continue
    return {}


def _asks(path: Path, tasks: Sequence[str]) -> bool:
    """Return whether a journal file has a line of one of the tasks.

    Its bytes are searched, because parsing 100,000 lines takes long.
    """
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return any(content.find(f'"task": "{task}"'.encode()) >= 0 for task in tasks)
