"""Find the journal that a run's answers, and the maps beside them, are in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmms_vg import journal
from lmms_vg.journal import JournalError, is_journal, read_entries
from lmms_vg.runs.results import Run

#: Fields of a run's provenance that do not name its journal; versions include packages that compute nothing.
_BESIDE = {"settings", "shared", "leaks", "commit", "default_settings", "versions", "host_options", "spent"}


def journal_of(run: Run) -> Path | None:
    """Return the journal that a run's answers are in: its own folder, or the one of its provenance; None if there is none."""
    if is_journal(run.path):
        return run.path
    if run.provenance is None:
        return None
    wanted = _identity(run.provenance)
    for folder in sorted((journal.home() / "journal").glob("*")):
        if is_journal(folder):
            try:
                first = next(read_entries(sorted(folder.glob("rank*.jsonl"))), None)
            except JournalError:  # of another format
                continue
            if isinstance(first, dict) and _identity(first) == wanted:
                return folder
    return None


def _identity(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in provenance.items() if name not in _BESIDE}
