"""Print line by line, so that a pipe's reader gets each line at once."""

from __future__ import annotations

from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> int:
    """Print and flush every line; returns exit status 0."""
    for line in lines:
        print(line, flush=True)
    return 0
