"""The summary at the end of a run."""

from __future__ import annotations

from collections import Counter

from loguru import logger

from lmms_vg.datasets import counts
from lmms_vg.host import failure, options
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.job import gather
from lmms_vg.inference.method_run import RunCounts


def report(answerer: Answerer, unscorable: Counter[str], rank: int) -> None:
    """Log the run summary of all ranks.

    Args:
        answerer: the answerer of this rank.
        unscorable: number of failures by task, for tasks that are not ours.
        rank: rank of this process; rank 0 logs.

    Raises:
        RunFailed: no question was answered; SystemExit on the command line, as in `failure.failed`.
    """
    ranks = gather((answerer.counts, unscorable))
    names = RunCounts.__dataclass_fields__
    total = RunCounts(**{name: sum(getattr(tally, name) for tally, _ in ranks) for name in names})
    if rank == 0:
        _summarise(answerer, total, sum((failures for _, failures in ranks), Counter()))
    if total.asked and not total.answered + total.from_journal:
        raise failure.failed(
            f"lmms_vg: all {total.asked} questions failed, so there is nothing to score. The first reasons are printed "
            f"above; all of them are in {answerer.journal.folder}"
        )


def _summarise(answerer: Answerer, total: RunCounts, unscorable: Counter[str]) -> None:
    logger.info(f"lmms_vg summary: {total}; journal {answerer.journal.folder}")
    for message in counts.deviations.values():
        logger.warning(f"lmms_vg summary: PARTIAL DATA: {message}")
    for name in options.recorded():
        logger.warning(f"lmms_vg summary: {options.shown(name)}")
    if total.failed:
        logger.warning(f"{total.failed} of {total.asked} questions failed; reasons are in the journal and above")
    for task, failures in sorted(unscorable.items()):
        failure.note(
            f"{failures} questions of {task} failed and are scored as empty answers: its numbers are too low. Only the "
            "tasks of lmms_vg leave failures out"
        )
