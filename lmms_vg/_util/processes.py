"""Work that several processes share, with results in order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

_AHEAD = 4  # values per process that are handed out before the first of them is taken

Value = TypeVar("Value")
Result = TypeVar("Result")


def in_order(work: Callable[[Value], Result], values: Iterable[Value], processes: int) -> Iterator[Result]:
    """Yield the result of every value, in the order of the values; few values are handed out at a time.

    When the caller stops, values that are being worked on are finished, and no other is begun.

    Args:
        work: pure, and of a kind that pickle knows, as values and results are.
        values: read as they are needed.
        processes: 1 works in this process.

    Raises:
        ChildProcessError: the system has ended a process.
    """
    if processes == 1:
        yield from map(work, values)
        return
    waiting: deque[Future[Result]] = deque()
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle)
    try:
        for value in values:
            waiting.append(pool.submit(work, value))
            if len(waiting) == _AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as problem:
        raise ChildProcessError(
            "the system has ended a process that shared the work, as it does when memory is short; run the command again: it "
            "goes on behind what is finished"
        ) from problem
    finally:
        pool.shutdown(cancel_futures=True)


def _settle() -> None:
    """Leave Ctrl-C to the process that waits for this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
