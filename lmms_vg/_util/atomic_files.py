"""Writing result files: whole or not at all, and never over one that is there."""

from __future__ import annotations

import os
from pathlib import Path


def check_new(path: Path) -> None:
    """Raises ValueError if `path` is there already; before long work."""
    if path.exists():
        raise ValueError(f"{path}: is there already and is not overwritten; name a new file, or remove it")


def write_new(path: Path, data: str | bytes) -> None:
    """Write a new file. Raises as `check_new`."""
    check_new(path)  # another process may have been faster
    replace_file(path, data)


def replace_file(path: Path, data: str | bytes) -> None:
    """Write beside `path` and move into place, so that a reader or a crash never meets half a file; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(data.encode() if isinstance(data, str) else data)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
