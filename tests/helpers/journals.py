"""Journals for tests, and what is read from them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lmms_vg.journal import Journal, Record

Opened = Callable[..., Journal]

#: Any text, also what is no text: halves of surrogate pairs.
texts = st.text(st.characters(exclude_categories=[]), max_size=30)


def record(key: str, **values: Any) -> Record:
    return Record(**{"key": key, "task": "t", "uid": f"u/{key}", "text": f"says {key}", **values})


def find(made: Journal, key: str) -> Record | None:
    return made.find(key, "t", f"u/{key}")


HOLD = """
import sys
from pathlib import Path
from lmms_vg.journal.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), "other job")
print(lock.take(), flush=True)
sys.stdin.read()
"""

TRY = """
import sys
from pathlib import Path
from lmms_vg.journal.lock import FolderLock
locks = [FolderLock(Path(folder), "third job") for folder in sys.argv[1:]]
print(*(lock.take() for lock in locks))
"""


@contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, of another job, holds the lock of this folder."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def free(*folders: Path) -> list[bool]:
    """Whether another process could take these locks."""
    command = [sys.executable, "-c", TRY, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [word == "True" for word in done.stdout.split()]
