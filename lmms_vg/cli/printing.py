"""Print line by line, so that a pipe's reader gets each line at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> int:
    """Print and flush every line; returns exit status 0."""
    for line in lines:
        print(line, flush=True)
    return 0


def announce(text: str) -> None:
    """Say on stderr what takes a while, from the first rank only."""
    if not int(os.environ.get("RANK", 0)):
        print(f"lmms-vg: {text} ...", file=sys.stderr, flush=True)
