"""Communication between all processes (ranks) of one job: exchange values and lock journal folders."""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import torch
from loguru import logger

from lmms_vg.host.failure import failed
from lmms_vg.host.stopping import Stopped
from lmms_vg.journal.lock import FolderLock

T = TypeVar("T")
N = TypeVar("N")

#: Number of values that a rank sends at a time: a few megabytes of records.
CHUNK = 256

#: Seconds before the next attempt to take a lock that another job holds.
PAUSE = 1.0


def gather(value: T) -> list[T]:
    """Return the values that all ranks pass here, in rank order; only `value` if there is one process.

    Raises:
        RunFailed: another rank has ended; SystemExit on the command line, as in `failure.failed`.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [value]
    values = [value] * torch.distributed.get_world_size()
    try:
        torch.distributed.all_gather_object(values, value)
    except RuntimeError as problem:  # the connection to a process that died, or that ended with a message
        raise failed(
            "lmms_vg: another process of this job has ended; its own message says why. All answers so far are in the journal: "
            "start the same command again, and only what is missing is asked"
        ) from problem
    return values


def exchange(outgoing: Sequence[tuple[int, N]], load: Callable[[N], T], rank: int) -> Iterator[tuple[N, T]]:
    """Yield what all ranks have for this one, `CHUNK` values of each rank at a time; all ranks must call this together.

    Args:
        outgoing: names of values of this rank, each after the rank that receives it.
        load: returns the value of a name; called when it is sent.
        rank: rank of this process.
    """
    for start in range(0, max(gather(len(outgoing))), CHUNK):
        chunk = [(receiver, (name, load(name))) for receiver, name in outgoing[start : start + CHUNK]]
        for sent in gather(chunk):
            yield from (named for receiver, named in sent if receiver == rank)


@contextmanager
def locked(folders: Iterable[Path], check: Callable[[], None]) -> Iterator[None]:
    """Inside the block, only this job writes to these journal folders; while another job holds one, wait and say for whom.

    All ranks must call this together. One process per host takes the locks for all ranks, in sorted order and one host after
    the other, so that no two jobs wait for each other. Where hosts share the disk, the first host locks for all.

    Args:
        folders: the journal folders.
        check: called while waiting; may raise to stop waiting.

    Raises:
        Stopped: Ctrl-C was pressed while waiting.
    """
    job = gather(uuid4().hex)[0]
    me = (platform.node(), int(os.environ.get("RANK", 0)))
    takes = int(os.environ.get("LOCAL_RANK", me[1])) == 0
    missing = [FolderLock(folder, job) for folder in sorted(set(folders))] if takes else []
    reported = ""
    with ExitStack() as held:
        try:
            while turns := [turn for turn, is_missing in gather((me, bool(missing))) if is_missing]:
                while min(turns) == me and missing and missing[0].take():
                    held.callback(missing.pop(0).release)
                if min(turns) == me and missing:
                    reported = _tell(missing[0], reported)
                    time.sleep(PAUSE)
                check()
        except KeyboardInterrupt:
            raise Stopped(signal.SIGINT) from None
        yield


def _tell(lock: FolderLock, reported: str) -> str:
    """Log for whom the job waits, unless `reported` says the same, and return it."""
    holder = lock.holder()
    if holder != reported:
        logger.warning(
            f"waiting for {holder}: it writes to the same journal, {lock.folder}; when it has finished, this run continues "
            "with its answers (Ctrl-C stops waiting)"
        )
    return holder
