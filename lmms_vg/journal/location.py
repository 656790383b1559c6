"""The folder in which all journals lie, and what is said when it cannot be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lmms_vg.journal.lines import JournalError


def home() -> Path:
    """Return the folder of lmms_vg's state: `LMMS_VG_HOME`, by default `~/.cache/lmms_vg`."""
    return Path(os.environ.get("LMMS_VG_HOME") or Path.home() / ".cache" / "lmms_vg").expanduser()


def check_home() -> None:
    """Check, before weights are loaded, that answers can be written.

    Raises:
        JournalError: they cannot.
    """
    folder = home() / "journal"
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))  # a full disk still takes an empty file


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an operating system error in this folder into a JournalError.

    Raises:
        JournalError: the system refused to write in the folder.
    """
    try:
        yield
    except JournalError:
        raise
    except OSError as problem:
        raise JournalError(
            f"{folder} cannot be written: {problem.strerror or problem}. Every answer is written there. Free some space or "
            "allow writing, then run the same command again: it continues where it stopped. Or use another folder: "
            "LMMS_VG_HOME=FOLDER (without the answers in this one)"
        ) from problem
