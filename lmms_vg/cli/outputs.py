"""Output options of commands: a place that cannot be written is refused, with its option, before anything is read or asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lmms_vg._util.atomic_files import EXISTS

#: A folder, which may hold something; a file, which may be replaced; or what must not exist yet.
Kind = Literal["folder", "file", "new"]


def add_output(parser: argparse.ArgumentParser, kind: Kind, *flags: str, **settings: Any) -> None:
    """Add an option that names a place to write.

    Args:
        parser: of the command.
        kind: what will be written.
        flags: as for `add_argument`; `-o` and `--out` by default.
        settings: further settings of `add_argument`.
    """
    flags = flags or ("-o", "--out")
    parser.add_argument(*flags, type=output(flags[0], kind), **settings)


def output(option: str, kind: Kind) -> Callable[[str], Path]:
    """Return a function for argparse's `type`.

    Args:
        option: as people type it, such as `-o`.
        kind: what will be written.
    """

    def place(text: str) -> Path:
        """Return the path.

        Raises:
            OSError: it cannot be written. argparse passes it on, and would print its usage for a ValueError.
        """
        if not text:  # Path("") is the folder where one is
            raise OSError(f"{option} {text!r} names no place; name one")
        path = Path(text)
        if problem := unwritable(path, kind):
            raise OSError(f"{option} {text}: {problem}")
        return path

    return place


def unwritable(path: Path, kind: Kind) -> str:
    """Say why nothing can be written to a path, and what to do; empty if it can."""
    try:
        place = next(part for part in (path, *path.parents) if part.exists() or part.is_symlink())
    except OSError as problem:  # such as a name that is too long
        return f"{problem.strerror}; name another place"
    if place == path and (in_the_way := _in_the_way(path, kind)):
        return in_the_way
    folder = place.parent if place == path and kind == "file" else place
    if not folder.is_dir():
        return f"{folder} is not a folder, so nothing can be written in it; name another place"
    import tempfile  # late: `--help` writes nothing

    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as problem:
        return f"nothing can be written in {folder} ({problem.strerror}); name a place in a folder of yours"


def _in_the_way(path: Path, kind: Kind) -> str:
    """Say why what exists cannot be written to."""
    if kind == "new":
        return f"this {EXISTS}"
    if kind == "folder":
        return "" if path.is_dir() else "this is not a folder, but a folder is to be written; name another place"
    if path.is_dir():
        return "this is a folder; name the file to write"
    return "" if path.is_file() else "this is not an ordinary file, but would be replaced by one; name another place"
