"""What is said at the end of a run."""

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
        unscorable: failures by task, of tasks that are not ours.

    Raises:
        RunFailed: or SystemExit, as `failure.failed`: no question was answered.
    """
    ranks = gather((answerer.counts, unscorable))
    names = RunCounts.__dataclass_fields__
    total = RunCounts(**{name: sum(getattr(each, name) for each, _ in ranks) for name in names})
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
            f"{failures} questions of {task} failed, and it scores their empty answers: its numbers are too low. It is no "
            "task of lmms_vg, which leave failures out"
        )
