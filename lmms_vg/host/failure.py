"""Failures of a run: an ordinary exception in Python; one line and a non-zero exit status at the command line.

lmms-eval's command line turns exceptions into a traceback and status 0. There an error that ends a run is a SystemExit, and
an error after which the run goes on (`note`) is remembered until the process ends. In Python (`simple_evaluate`, process
pools, loops) an error that ends a run is `RunFailed`, which callers can catch.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lmms_vg.host.callers import command_line

_noted: list[str] = []


class RunFailed(Exception):
    """A run cannot start, or has no results. The message is complete: no traceback is needed."""


def failed(message: str) -> RunFailed | SystemExit:
    """Return the exception to raise when a run cannot go on.

    If lmms-eval runs a list of configurations (`--config`), the others still run: then it is an ordinary exception too,
    and the process remembers to end with a non-zero status.
    """
    host = command_line()
    if host is None:
        return RunFailed(message)
    if len(host.get("args_list", ())) < 2:
        return SystemExit(message)
    _noted.append(message)
    return RunFailed(message)


def note(message: str) -> None:
    """Log an error after which the run goes on and saves what it has, and let the process end with a non-zero status."""
    from loguru import logger  # late: it takes as long as the rest of `--help`

    logger.opt(depth=1).error(f"lmms_vg: {message}")
    if command_line() is not None:
        _noted.append(message)


@contextmanager
def not_swallowed() -> Iterator[None]:
    """Let an unforeseen error end the process with its traceback and a non-zero status."""
    try:
        yield
    except RunFailed:
        raise
    except Exception as problem:
        if command_line() is not None:
            _noted.append(repr(problem))
        raise


def take() -> list[str]:
    """Return and forget the errors noted so far, for a command that returns its own status."""
    messages = list(_noted)
    _noted.clear()
    return messages


@atexit.register
def _leave() -> None:
    """Only `os._exit` can still change the status here; exit handlers registered after this one have already run."""
    if _noted:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
