"""Printing as it comes, so that a reader of a pipe sees lines when they are made."""

from __future__ import annotations

from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> int:
    """Print every line at once; returns exit status 0."""
    for line in lines:
        print(line, flush=True)
    return 0
