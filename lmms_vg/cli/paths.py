"""Files and folders on the command line: a missing one is reported at once, with the name that is most like it."""

from __future__ import annotations

import os
from pathlib import Path

from lmms_vg._util.suggest import suggest


def existing(text: str) -> Path:
    """Return a path, for argparse's `type`.

    Raises:
        FileNotFoundError: there is no such file or folder. argparse passes it on, and would print its usage for a ValueError.
    """
    path = Path(text)
    if problem := missing(path):
        raise FileNotFoundError(problem)
    return path


def told(problem: ValueError | OSError) -> str:
    """Return the message of an error; of the system's errors, the file's name and the reason, without a number."""
    if not isinstance(problem, OSError) or problem.filename is None:
        return str(problem)
    path = Path(os.fsdecode(problem.filename))
    return missing(path) or f"{path}: {problem.strerror}"


def missing(path: Path) -> str:
    """Say that a file or folder is not there, and which name is most like it; empty if it is there."""
    place = path.expanduser()
    try:
        if place.exists():
            return ""
        absent = next(part for part in (*reversed(place.parents), place) if not part.exists())
        names = [entry.name for entry in absent.parent.iterdir()]
    except OSError as problem:
        return f"{path}: {problem.strerror}"
    return f"{path}: {suggest(absent.name, names)}there is no {absent.name} in {absent.parent}"
