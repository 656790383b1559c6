"""Find out which submission came first, from the repository that holds them: everything inside a bundle can be faked.

Only the main line (first parents) counts: a merge's files arrive with the merge, whatever dates its own commits have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

#: Variables that point git to another repository than the folder's.
_PLACE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class History(NamedTuple):
    """The order in which the files of a folder arrived.

    Attributes:
        arrivals: path in the folder -> number of the commit that brought the file as it is now; a later commit has a larger
            number. Files that are not committed, or changed since, are left out.
        unknown: why there is no history; empty if there is one.
    """

    arrivals: dict[str, int]
    unknown: str


def read(folder: Path) -> History:
    """Read the history of a folder's files."""
    if _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return History({}, "the folder is not in a git repository with a commit")
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false\n":
        return History(
            {}, "the repository's history is cut off; fetch all of it (git fetch --unshallow, or fetch-depth: 0)"
        )
    log = _git(folder, *_LOG)
    tracked, changed = _git(folder, "ls-files", "-z"), _git(folder, "diff", *_DIFF, "HEAD", "--", ".")
    if log is None or tracked is None or changed is None:
        return History({}, "git cannot read the repository's history")
    arrivals: dict[str, int] = {}
    for number, commit in enumerate(log.split("\x01")):
        arrivals |= dict.fromkeys(filter(None, commit.strip("\n\0").split("\0")), number)
    unchanged = {*tracked.split("\0")} - {*changed.split("\0")}
    return History({path: number for path, number in arrivals.items() if path in unchanged}, "")


_DIFF = ("--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff")
_LOG = ("log", "--reverse", "--first-parent", "-m", *_DIFF, "--format=%x01", "--", ".")


def _git(folder: Path, *arguments: str) -> str | None:
    """Return git's output; None if git is missing or fails."""
    git = shutil.which("git")
    if git is None:
        return None
    environment = {name: value for name, value in os.environ.items() if name not in _PLACE}
    process = subprocess.run(
        [git, "--no-replace-objects", "-C", str(folder), *arguments], capture_output=True, check=False, env=environment
    )
    return process.stdout.decode(errors="replace") if process.returncode == 0 else None
