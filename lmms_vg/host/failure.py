"""How a run fails: an ordinary exception in Python, one line and a status other than 0 at the command line.

lmms-eval's command line turns exceptions into a traceback and status 0. So what ends a run is SystemExit there, and what a
run has to say although it goes on (`note`) is remembered until the process ends. In Python use (`simple_evaluate`, process
pools, loops) the same is `RunFailed`, which callers can catch.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from lmms_vg.host.callers import command_line

_noted: list[str] = []


class RunFailed(Exception):
    """A run that cannot start, or has nothing to show. The message says all there is to say."""


def failed(message: str) -> RunFailed | SystemExit:
    """What to raise for a run that cannot go on.

    Of several configurations (`--config` with a list) the others still run, so there it is an ordinary exception too, and
    the status of the process is remembered.
    """
    host = command_line()
    if host is None:
        return RunFailed(message)
    if len(host.get("args_list", ())) < 2:
        return SystemExit(message)
    _noted.append(message)
    return RunFailed(message)


def note(message: str) -> None:
    """Something is missing though the run goes on and saves what it has: an error in the log, and a status other than 0."""
    logger.opt(depth=1).error(f"lmms_vg: {message}")
    if command_line() is not None:
        _noted.append(message)


@contextmanager
def not_swallowed() -> Iterator[None]:
    """An error that nobody foresaw leaves with its traceback, and with a status other than 0."""
    try:
        yield
    except RunFailed:
        raise
    except Exception as problem:
        if command_line() is not None:
            _noted.append(repr(problem))
        raise


def take() -> list[str]:
    """What was noted since the last call, for a command that has a status of its own to return."""
    taken = list(_noted)
    _noted.clear()
    return taken


@atexit.register
def _leave() -> None:
    """The status cannot be changed any more here but in this way; whatever registered after us has already run."""
    if _noted:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
