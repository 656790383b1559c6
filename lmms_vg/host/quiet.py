"""`lmms-vg run --quiet`: of all that lmms-eval prints and logs, only warnings and errors, on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

#: Read by tqdm and datasets when they are imported.
_NO_BARS = ("TQDM_DISABLE", "HF_DATASETS_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_PROGRESS_BARS")

_quiet = False


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block nothing is written to stdout; enter it before lmms-eval is imported, so that no bar appears."""
    from loguru import logger  # late: it takes as long as the rest of `--help`

    global _quiet
    os.environ.update(dict.fromkeys(_NO_BARS, "1"))
    logger.remove()
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        _quiet = True
        try:
            yield
        finally:
            _quiet = False
            logger.remove()  # lmms-eval logs to the stdout of its start
            logger.add(sys.stderr, level="WARNING")


def warnings_only() -> None:
    """Inside `quiet`, log warnings and errors to stderr and nothing else; lmms-eval sets up its own log at its start."""
    if _quiet:
        from loguru import logger

        logger.remove()
        logger.add(sys.stderr, level="WARNING", format="{level}: {message}")


def unless_quiet(bar: Callable[..., Any]) -> Callable[..., Any]:
    """Return a progress bar that is not shown inside `quiet`, even where its caller says that it is."""
    return (lambda *args, **options: bar(*args, **options | {"disable": True})) if _quiet else bar
