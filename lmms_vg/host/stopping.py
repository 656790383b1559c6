"""Signals while answering: SIGTERM lets the batch in hand be finished, and the process ends with the status of a signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(SystemExit):
    """The process was asked to end and does, with status 128 + the signal's number; its answers are in the journal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(128 + number)
        print(f"\nlmms-vg: {number.name}: stopped; the same command goes on where it stopped", file=sys.stderr)


@contextmanager
def finishing_batches() -> Iterator[Callable[[], None]]:
    """Inside, SIGTERM is noted only; gives a function to call between batches, which raises Stopped if it was.

    A second SIGTERM ends the process at once. Signals reach the main thread only, so elsewhere nothing changes.
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
