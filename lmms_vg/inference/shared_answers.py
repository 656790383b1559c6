"""Give the journals of each host the answers that only other hosts have, so that the ranks of a job need no shared disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress

from loguru import logger

from lmms_vg.inference.job import CHUNK, gather
from lmms_vg.journal import Journal, Record


def share_answers(journals: Iterable[Journal]) -> None:
    """Write to each host's journals what it lacks; all ranks must call this together, while the job holds the locks.

    The first rank of each host reads and writes for all ranks there. Where hosts share the disk, or where there is one host,
    nothing is lacking. Maps of attention are not sent: those of a question stay with the host that answered it.

    Args:
        journals: closed journals, the same configurations on every rank.

    Raises:
        JournalError: an answer cannot be read or written.
    """
    is_first = int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", 0))) == 0
    if sum(gather(is_first)) > 1:
        for journal in journals:
            _share(journal, is_first)


def _share(journal: Journal, is_first: bool) -> None:
    with journal if is_first else nullcontext():
        held = journal.keys() if is_first else set()
        everyone = gather(held if is_first else None)
        hosts = [keys for keys in everyone if keys is not None]
        known_to_all = set.intersection(*hosts)
        earlier = set[str]().union(*(keys for keys in everyone[: int(os.environ.get("RANK", 0))] if keys is not None))
        mine = sorted(held - known_to_all - earlier)  # of several hosts that have an answer, the first sends it
        received = 0
        for start in range(0, max(gather(len(mine))), CHUNK):
            for sent in gather([*_readable(journal, mine[start : start + CHUNK])]):
                lacking = [record for record in sent if is_first and record.key not in held]
                if lacking:
                    journal.write(lacking)
                received += len(lacking)
    if received:
        logger.info(f"journal {journal.folder}: {received} answers came from the disks of other hosts; maps did not")


def _readable(journal: Journal, keys: Iterable[str]) -> Iterator[Record]:
    for key in keys:
        with suppress(KeyError):  # its line is damaged, which the journal has said
            yield journal.get(key)
