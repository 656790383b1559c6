"""Write result files atomically, and never overwrite an existing one by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXISTS = "already exists and will not be overwritten; choose another path or remove it"


def check_new(path: Path) -> None:
    """Refuse a path that exists; to be called before long work.

    Raises:
        ValueError: `path` exists.
    """
    if path.exists():
        raise ValueError(f"{path} {EXISTS}")


def write_new(path: Path, data: str | bytes) -> None:
    """Write a new file.

    Raises:
        ValueError: `path` exists.
    """
    check_new(path)  # again: another process may have been faster
    replace_file(path, data)


def replace_file(path: Path, data: str | bytes) -> None:
    """Write a temporary file and rename it to `path`, so that `path` never holds half a file; missing folders are made."""
    with replacing(path) as scratch:
        scratch.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file, which is renamed to `path` if the block, which writes it, succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield scratch
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
