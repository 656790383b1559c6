"""Are answers right where the model looked at the right place? For tasks whose questions have an answer and a place.

*Grounded* means AR above 1, at the layer of lowest mean KL of all questions of the task: the place got more than its share of
the attention. *Correct* means a score of 1: for open questions, that all words of the reference are in the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import nan
from statistics import fmean
from typing import NamedTuple

from lmms_vg.metrics.auc_interval import auc_interval, auc_within
from lmms_vg.metrics.box_sizes import SIZES, size_of
from lmms_vg.metrics.forced_choice import auc
from lmms_vg.metrics.statistics import Interval, cluster_interval
from lmms_vg.runs.results import TaskRun

#: Axes that the table is broken down by.
AXES = ("organ", "modality", "content_type")

#: The axis of box sizes, and its row in which only places of about one size are compared.
BOX_SIZE = "share of the image"
WITHIN = "all, pairs of one size"

#: AR of even attention; above it a question counts as grounded.
EVEN = 1.0


class CorrectShare(NamedTuple):
    """A share of questions that are correct.

    Attributes:
        n: number of questions.
        images: number of their images.
        mean: the share; NaN if there are no questions.
        interval: its 95% interval, from whole images; NaN for a single image.
    """

    n: int
    images: int
    mean: float
    interval: Interval


class Crossed(NamedTuple):
    """Correct against grounded, for some questions of a task.

    Attributes:
        both: number of questions that are correct and grounded.
        correct: correct only.
        grounded: grounded only.
        neither: the others.
        where_grounded: share of the grounded questions that are correct.
        elsewhere: share of the others that are correct.
        auc: probability that a correct question has a higher AR than a wrong one; .5 if AR tells nothing, NaN if all are alike.
        interval: its 95% interval; NaN with fewer than ten images of one kind.
    """

    both: int
    correct: int
    grounded: int
    neither: int
    where_grounded: CorrectShare
    elsewhere: CorrectShare
    auc: float
    interval: Interval


def layer_of(part: TaskRun) -> int:
    """Return the layer of lowest mean KL over the questions of a task that has `looked`; the first of equal ones."""
    means = [fmean(column) for column in zip(*(look.kl for look in part.looked.values()), strict=True)]
    return means.index(min(means))


def crossed(part: TaskRun, shares: Mapping[str, float] | None = None) -> dict[str, dict[str, Crossed]]:
    """Return axis -> category -> correct against grounded; the axis "all" has the one category "all questions".

    Empty if the task has no questions with a place.

    Args:
        part: the task.
        shares: uid -> share of the visible image that the place takes, where it is known.
    """
    if not part.looked:
        return {}
    layer = layer_of(part)
    ratios = {uid: look.ar[layer] for uid, look in part.looked.items()}
    tables = {"all": {"all questions": _crossed(part, ratios, list(ratios))}}
    for axis in AXES:
        categories: dict[str, list[str]] = defaultdict(list)
        for uid in ratios:
            categories[part.about[uid].get(axis, "(none)")].append(uid)
        if len(categories) > 1:
            tables[axis] = {name: _crossed(part, ratios, uids) for name, uids in sorted(categories.items())}
    if by_size := _by_size(part, ratios, shares or {}):
        tables[BOX_SIZE] = by_size
    return tables


def _by_size(part: TaskRun, ratios: dict[str, float], shares: Mapping[str, float]) -> dict[str, Crossed]:
    """Range of sizes -> correct against grounded, and a row whose AUROC compares questions of one range only."""
    known = [uid for uid in ratios if uid in shares]
    sizes = [SIZES[number] for number in size_of([shares[uid] for uid in known])]
    rows = {
        name: _crossed(part, ratios, [uid for uid, size in zip(known, sizes, strict=True) if size == name])
        for name in SIZES
        if name in sizes
    }
    return rows | {WITHIN: _crossed(part, ratios, known, sizes)} if known else {}


def _crossed(
    part: TaskRun, ratios: dict[str, float], uids: Sequence[str], strata: Sequence[str] | None = None
) -> Crossed:
    right = [part.scores[uid] == 1 for uid in uids]
    seen = [ratios[uid] > EVEN for uid in uids]
    cells = list(zip(right, seen, strict=True))
    values, images = [ratios[uid] for uid in uids], [part.images[uid] for uid in uids]
    return Crossed(
        cells.count((True, True)),
        cells.count((True, False)),
        cells.count((False, True)),
        cells.count((False, False)),
        _share(part, [uid for uid, grounded in zip(uids, seen, strict=True) if grounded]),
        _share(part, [uid for uid, grounded in zip(uids, seen, strict=True) if not grounded]),
        auc(values, right) if strata is None else auc_within(values, right, strata),
        auc_interval(values, right, images, strata=strata),
    )


def _share(part: TaskRun, uids: Sequence[str]) -> CorrectShare:
    if not uids:
        return CorrectShare(0, 0, nan, Interval(nan, nan))
    right, images = [float(part.scores[uid] == 1) for uid in uids], [part.images[uid] for uid in uids]
    return CorrectShare(len(uids), len(set(images)), fmean(right), cluster_interval(right, images))
