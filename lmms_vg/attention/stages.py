"""The time of a run, in seconds per stage, and its peak memory.

A moment counts for the innermost stage that is active, so that the seconds of all stages add up to the time spent in them.
On a GPU the end of a stage waits for its work, about ten times per batch and never once per token.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, get_args

import torch

#: Reading weights; waiting for prepared images; passes over image prefixes; unedited passes over questions and reference
#: prompts, with their captures; passes under a method's edits; new tokens.
Stage = Literal["load", "images", "prefix", "capture", "knockout", "decode"]


class Spent(NamedTuple):
    """Time and memory that a run has taken so far.

    Attributes:
        seconds: by stage, only those that were entered; and `other`, the rest of the time since `forget`.
        peak_bytes: most memory in use: on CUDA what torch allocated on this rank's devices, otherwise of the process.
        device: whose memory `peak_bytes` is, "cuda" or "process".
    """

    seconds: dict[str, float]
    peak_bytes: int
    device: str


_seconds: dict[str, float] = {}
_started = time.perf_counter()
_peak = 0
_active = threading.local()


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Inside the block, time counts for this stage, except where the block enters another one."""
    outer: str | None = getattr(_active, "name", None)
    _turn(name)
    try:
        yield
    finally:
        _turn(outer)


def forget() -> None:
    """Start to count anew."""
    global _started, _peak
    _seconds.clear()
    _peak = 0
    _started = time.perf_counter()
    if torch.cuda.is_initialized():
        for device in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(device)


def spent() -> Spent:
    """Return what all stages have taken since `forget`, in the order of `Stage`."""
    entered = {name: _seconds[name] for name in get_args(Stage) if name in _seconds}
    entered["other"] = time.perf_counter() - _started - sum(entered.values())
    seconds = {name: round(value, 2) for name, value in entered.items()}
    if torch.cuda.is_initialized():
        return Spent(seconds, max(_peak, _allocated()), "cuda")
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "process")


def _allocated() -> int:
    return sum(torch.cuda.max_memory_allocated(device) for device in range(torch.cuda.device_count()))


def _turn(name: str | None) -> None:
    """Count the time since the last turn for the active stage, and make another one active."""
    global _peak
    active: str | None = getattr(_active, "name", None)
    if torch.cuda.is_initialized() and {active, name} - {None, "images"}:  # a GPU has no part in waiting for images
        torch.cuda.synchronize()
        _peak = max(_peak, _allocated())  # batches that choose their size reset torch's own count
    now = time.perf_counter()
    if active is not None:
        _seconds[active] = _seconds.get(active, 0.0) + now - _active.since
    _active.name, _active.since = name, now
