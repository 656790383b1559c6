"""The summary at the end of a run."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from loguru import logger

from lmms_vg.attention import stages
from lmms_vg.datasets import counts
from lmms_vg.host import failure, options
from lmms_vg.inference.answerer import Answerer
from lmms_vg.inference.job import gather
from lmms_vg.inference.method_run import RunCounts


class Totals(NamedTuple):
    """Numbers of questions, time and memory over all ranks of a run.

    Attributes:
        counts: name and counts of each method that answered, the run's own first.
        spent: what each rank took.
        ended: when the last answer was there, on the clock of `time.perf_counter`.
        scoring: seconds from then until lmms-eval had scored the run; 0 if nobody has said so (`scored`).
    """

    counts: list[tuple[str, RunCounts]]
    spent: list[stages.Spent]
    ended: float
    scoring: float = 0.0


_finished: list[Totals] = []


def take() -> list[Totals]:
    """Return and forget the totals of the runs that ended in this process, in order, for a command that prints them."""
    totals = list(_finished)
    _finished.clear()
    return totals


def scored(results: Mapping[str, Any] | None) -> None:
    """Note that lmms-eval has scored what was reported last: in its samples, beside the other stages, and in the log.

    Args:
        results: what lmms-eval is about to save, samples included; None on ranks that save nothing.
    """
    if not _finished or _finished[-1].scoring:
        return
    last = _finished[-1]
    _finished[-1] = last._replace(scoring=time.perf_counter() - last.ended)
    for line in chain.from_iterable(((results or {}).get("samples") or {}).values()):
        # The first line of a task, see `tasks.metric_items.counted`.
        if isinstance(line.get("n"), dict) and "spent" in line["n"]:
            line["n"]["spent"]["seconds"]["score"] = round(_finished[-1].scoring, 2)
    if int(os.environ.get("RANK", 0)) == 0:
        logger.info(f"lmms_vg summary: {spent_in_words(last.spent, _finished[-1].scoring)}")


def report(answerer: Answerer, unscorable: Counter[str], rank: int) -> None:
    """Log the run summary of all ranks.

    Args:
        answerer: the answerer of this rank.
        unscorable: number of failures by task, for tasks that are not ours.
        rank: rank of this process; rank 0 logs.

    Raises:
        RunFailed: no question was answered; SystemExit on the command line, as in `failure.failed`.
    """
    names = [run.method.name for run in answerer.method_runs]
    ranks = gather(([run.counts for run in answerer.method_runs], unscorable))
    taken = gather(stages.spent())
    totals = [_total(tallies) for tallies in zip(*(counts for counts, _ in ranks), strict=True)]
    total = totals[0]
    _finished.append(Totals(list(zip(names, totals, strict=True)), taken, time.perf_counter()))
    if rank == 0:
        _summarise(answerer, total, sum((failures for _, failures in ranks), Counter()))
        logger.info(f"lmms_vg summary: {spent_in_words(taken)}")
    if total.asked and not total.answered + total.from_journal:
        raise failure.failed(
            f"lmms_vg: all {total.asked} questions failed, so there is nothing to score. The first reasons are printed "
            f"above; all of them are in {answerer.journal.folder}"
        )


def spent_in_words(ranks: Sequence[stages.Spent], scoring: float | None = None) -> str:
    """Return a table of the time that all ranks took, and the peak memory of the rank that used most.

    Args:
        ranks: what each rank took until the last answer was there.
        scoring: seconds of the job from then until it was scored; None if that is not known yet.
    """
    seconds: Counter[str] = Counter()
    for rank in ranks:
        seconds.update(rank.seconds)
    if scoring is not None:
        seconds.update({"score": scoring})
    total = seconds.total() or 1
    of = f", all {len(ranks)} ranks together" if len(ranks) > 1 else ""
    peak = max(rank.peak_bytes for rank in ranks)
    whose = "of a rank's GPUs" if ranks[0].device == "cuda" else "of the process"
    rows = [f"  {name:<9}{value:>10,.1f} s{value / total:>6.0%}" for name, value in seconds.items()]
    return "\n".join([f"time by stage{of}; peak memory {whose} {peak / 1e9:,.2f} GB", *rows])


def _total(tallies: Sequence[RunCounts]) -> RunCounts:
    names = RunCounts.__dataclass_fields__
    return RunCounts(**{name: sum(getattr(tally, name) for tally in tallies) for name in names})


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
