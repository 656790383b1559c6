"""The end of `lmms-vg run`: the answer of the run in twelve lines, whatever lmms-eval has printed above it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lmms_vg.cli.printing import print_lines

if TYPE_CHECKING:
    from lmms_vg.inference.method_run import RunCounts
    from lmms_vg.inference.run_report import Totals
    from lmms_vg.runs.results import Run
    from lmms_vg.runs.summary import Effort


def forget_earlier() -> None:
    """Forget what this process has run so far: a summary is of one command, and Python code may have asked before it."""
    from lmms_vg.experiments.lmms_eval_process import take_saved
    from lmms_vg.inference.run_report import take

    take()
    take_saved()


def print_summary(wall: float) -> None:
    """Print the summary of the runs that this process has saved; nothing if there are none.

    Args:
        wall: seconds since the start of the command.
    """
    from lmms_vg.experiments.lmms_eval_process import take_saved
    from lmms_vg.inference.run_report import take
    from lmms_vg.runs.read import read
    from lmms_vg.runs.summary import summary

    runs: list[Run] = []
    folders: list[Path] = []
    effort = _effort(wall, take())
    for out, results in take_saved():
        try:
            runs.append(read(results))
            folders.append(out)
        except ValueError as problem:  # such as a task of others, whose items name no question
            print(f"lmms-vg: no summary: {problem}", file=sys.stderr)
    if not runs:
        return
    try:
        lines = summary(_labelled(runs), effort, _folder(folders), list(_next(folders)))
    except (ValueError, OSError) as problem:  # such as a journal that cannot be read; the results are saved
        print(f"lmms-vg: no summary: {problem}", file=sys.stderr)
    else:
        print_lines(["", *lines])


def _labelled(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the name of their method, or by their label where one method was run twice."""
    unique = len({run.name for run in runs}) == len(runs)
    return {run.name if unique else run.label: run for run in runs}


def _folder(folders: Sequence[Path]) -> Path:
    parents = {folder.parent for folder in folders}
    return parents.pop() if len(folders) > 1 and len(parents) == 1 else folders[0]


def _next(folders: Sequence[Path]) -> Iterator[str]:
    yield f"lmms-vg report {folders[0]}"
    if folders[1:]:
        yield f"lmms-vg compare {' '.join(map(str, folders))}"


def _effort(wall: float, totals: Sequence[Totals]) -> Effort | None:
    """Return what the runs have taken; a method counts where it was asked first, as later runs only read its journal."""
    from lmms_vg.runs.summary import Effort

    if not totals:
        return None
    counts: dict[str, RunCounts] = {}
    for total in totals:
        for method, tally in total.counts:
            counts.setdefault(method, tally)
    ranks = [rank for total in totals for rank in total.spent]
    seconds: Counter[str] = Counter()
    for rank in ranks:
        seconds.update(rank.seconds)
    return Effort(
        asked=sum(tally.asked for tally in counts.values()),
        from_journal=sum(tally.from_journal for tally in counts.values()),
        failed={method: tally.failed for method, tally in counts.items() if tally.failed},
        wall=wall,
        seconds=seconds,
        scoring=sum(total.scoring for total in totals),
        peak_bytes=max(rank.peak_bytes for rank in ranks),
    )
