"""The lock of a journal folder: one job at a time writes there.

It is a lock of the operating system on the file `lock`, so it ends with the process that took it, however that ends. Who has
it stands in `holder.json`. On network file systems it holds across hosts where they support `flock` (NFS 4, Lustre with
`-o flock`, CephFS, GPFS), and within a host else. Where there are no locks at all, that is said, and the run goes on.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from loguru import logger

from lmms_vg.journal.store import writing_to

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class FolderLock:
    """The lock of one folder; a process may take it more than once, and has it until it was released as often.

    Args:
        job: name of the job that takes it, the same for all its ranks and for no other job.
    """

    def __init__(self, folder: Path, job: str) -> None:
        self.folder, self.job = folder, job
        self._note = folder / "holder.json"
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock", is_singleton=True, thread_local=False)

    def take(self) -> bool:
        """Take the lock; False while another job has it, True also when it was taken by another rank of this job."""
        with writing_to(self.folder):
            try:
                self._lock.acquire(blocking=False)
            except Timeout:
                return self._holder().get("job") == self.job
            except OSError as problem:
                if problem.errno not in _NO_LOCKS:
                    raise
                logger.warning(
                    f"journal {self.folder}: this file system has no locks; do not run the same configuration twice at once"
                )
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            self._note.write_text(
                json.dumps({"job": self.job, "pid": os.getpid(), "host": platform.node(), "since": since})
            )
        return True

    def holder(self) -> str:
        """Who has the lock, in words."""
        note = self._holder()
        if not note:
            return "another process"
        return f"process {note.get('pid')} on {note.get('host')}, which has it since {note.get('since')}"

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def _holder(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._note.read_text()))
        except (OSError, ValueError, TypeError):  # it has just been taken, or is just being written
            return {}
