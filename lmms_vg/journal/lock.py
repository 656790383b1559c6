"""The lock of a journal folder: only one job at a time writes to it.

The operating system locks the file `lock`, so the lock ends with its process, however that ends. `holder.json` names the
holder. Network file systems that support `flock` (NFS 4, Lustre with `-o flock`, CephFS, GPFS) lock across hosts; others lock
within one host. On a file system without locks the run logs a warning and continues.
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

from lmms_vg.journal.location import writing_to

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class FolderLock:
    """The lock of one folder; a process may take it several times and must release it as often.

    Args:
        folder: the journal folder; it is created.
        job: name of the job that takes the lock, the same for all ranks and unique to the job.

    Raises:
        JournalError: the folder cannot be written.
    """

    def __init__(self, folder: Path, job: str) -> None:
        self.folder, self.job = folder, job
        self._note = folder / "holder.json"
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock", is_singleton=True, thread_local=False)

    def take(self) -> bool:
        """Try to take the lock; False while another job holds it, True also if another rank of this job holds it."""
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
        """Return who holds the lock, in words."""
        note = self._holder()
        if not note:
            return "another process"
        return f"process {note.get('pid')} on {note.get('host')}, which has held the lock since {note.get('since')}"

    def release(self) -> None:
        """Release the lock once."""
        self._lock.release()

    def _holder(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._note.read_text()))
        except (OSError, ValueError, TypeError):  # not written yet, or being written
            return {}
