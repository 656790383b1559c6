"""What the processes (ranks) of one job do together."""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import torch
from loguru import logger

from lmms_vg.host.stopping import Stopped
from lmms_vg.journal.lock import FolderLock

T = TypeVar("T")

#: Seconds until a lock that another job has is tried again.
PAUSE = 1.0


def gather(value: T) -> list[T]:
    """What every rank hands in here, in order of ranks; the value alone where there is one process."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [value]
    values = [value] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


@contextmanager
def locked(folders: Iterable[Path], check: Callable[[], None]) -> Iterator[None]:
    """Inside, this job alone writes into these journal folders; waits, and says for whom, while another job has one.

    All ranks come here together. One process per host takes the locks for all, in sorted order and one host after the other,
    so that no two jobs wait for each other. Where hosts share the disk, the first of them has locked for all.

    Args:
        check: called while waiting; may raise to end it.

    Raises:
        Stopped: by Ctrl-C while waiting.
    """
    job = gather(uuid4().hex)[0]
    me = (platform.node(), int(os.environ.get("RANK", 0)))
    takes = int(os.environ.get("LOCAL_RANK", me[1])) == 0
    lacking = [FolderLock(folder, job) for folder in sorted(set(folders))] if takes else []
    told = ""
    with ExitStack() as held:
        try:
            while turns := [turn for turn, lacks in gather((me, bool(lacking))) if lacks]:
                while min(turns) == me and lacking and lacking[0].take():
                    held.callback(lacking.pop(0).release)
                if min(turns) == me and lacking:
                    told = _tell(lacking[0], told)
                    time.sleep(PAUSE)
                check()
        except KeyboardInterrupt:
            raise Stopped(signal.SIGINT) from None
        yield


def _tell(lock: FolderLock, told: str) -> str:
    """Say for whom the job waits, unless it was told that already."""
    holder = lock.holder()
    if holder != told:
        logger.warning(
            f"waiting for {holder}: it answers into the same journal, {lock.folder}; this run goes on with its answers when "
            "it has done (Ctrl-C stops waiting)"
        )
    return holder
