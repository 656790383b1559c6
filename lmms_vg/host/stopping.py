"""Signals while answering: after SIGTERM the current batch is finished, and the process ends with the status of a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(SystemExit):
    """The process ends on request, with status 128 + the number of the signal; its answers are in the journal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(128 + number)
        print(f"\nlmms-vg: {number.name}: stopped; run the same command again to continue", file=sys.stderr)


@contextmanager
def finishing_batches() -> Iterator[Callable[[], None]]:
    """Only note SIGTERM, and yield a function to call between batches, which then raises Stopped.

    A second SIGTERM ends the process at once. Signals reach the main thread only, so other threads change nothing.
    """
    received: list[signal.Signals] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(signal.Signals(number))
        signal.signal(number, signal.SIG_DFL)

    def check() -> None:
        if received:
            raise Stopped(received[0])

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = signal.signal(signal.SIGTERM, note)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGTERM, before)
