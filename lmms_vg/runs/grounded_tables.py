"""Print correct against grounded, for all questions of a task and for each category."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from lmms_vg.metrics.statistics import FEW, Interval
from lmms_vg.runs.comparison_cells import too_few
from lmms_vg.runs.grounded_answers import WITHIN, CorrectShare, Crossed, crossed, layer_of
from lmms_vg.runs.results import TaskRun
from lmms_vg.runs.text_tables import markdown

_HEAD = ("correct and grounded", "correct only", "grounded only", "neither", "correct where grounded", "95% interval")
_MORE = ("correct elsewhere", "95% interval", "AUROC of AR", "95% interval")

#: The meaning of the columns, to be printed once; `units` are the units of resampling.
GROUNDED = (
    "grounded: AR above 1, the level of even attention, at the named layer, which was chosen on these questions. Attention "
    "that never saw the place is above 1 for many of them, too: where it prefers the middle and places lie there, or "
    "leaves out padding. So the number of grounded questions shows nothing by itself; read whether more answers are "
    "correct where it is grounded. correct: a score of 1 (open questions: every word of the reference is in the answer). "
    "AUROC: how often a correct question has a higher AR than a wrong one; .5 is chance. AR depends on the size of the "
    f"place, so read AUROC within sizes: '{WITHIN}' compares questions of one range only. Intervals "
    "draw whole {units}. Too few images: one for a share, fewer than ten of a kind for AUROC"
)


def grounded_tables(part: TaskRun, shares: Mapping[str, float]) -> list[str]:
    """Return the tables of a task as Markdown, each axis one; none if its questions have no place.

    Args:
        part: the task.
        shares: uid -> share of the visible image that the place takes, where it is known.
    """
    tables = []
    for axis, categories in crossed(part, shares).items():
        title = (
            f"{part.task}, layer {layer_of(part)}"
            if axis == "all"
            else f"{part.task}, grounded by {axis.replace('_', ' ')}"
        )
        rows = [[name, *_cells(cell)] for name, cell in categories.items()]
        tables.append(markdown([title, *_HEAD, *_MORE], rows, 1))
    return tables


def _cells(cell: Crossed) -> list[str]:
    counts = [str(count) for count in (cell.both, cell.correct, cell.grounded, cell.neither)]
    auc = ["-", "-"] if isnan(cell.auc) else [f"{cell.auc:.3f}", _ends(cell.interval)]
    return [*counts, *_share(cell.where_grounded), *_share(cell.elsewhere), *auc]


def _share(share: CorrectShare) -> list[str]:
    if not share.n:
        return ["-", "-"]
    few = " (few)" if 1 < share.images < FEW else ""
    return [f"{share.mean:.3f}", _ends(share.interval) + few]


def _ends(interval: Interval) -> str:
    return too_few() if isnan(interval.low) else f"{interval.low:.3f} to {interval.high:.3f}"
