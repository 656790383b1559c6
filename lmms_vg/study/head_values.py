"""Values of every head, medical and natural images, from the journals of runs with `per_head=true` (paper, Figure D.1).

Sums are kept per image, so that images can be resampled: memory grows with images and heads, not with questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import read_records
from lmms_vg.metrics.alignment import Array
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.results import Run
from lmms_vg.study.collect import StudiedTask

#: As records name them, and as head lists rank by.
METRICS = ("kl", "js", "ar")

#: How spread a head's attention is on any image; records of earlier versions do not hold it.
ENTROPY = "entropy"


class HeadSide(NamedTuple):
    """The heads on one side's images.

    Attributes:
        n: number of questions.
        images: the images, in the order of `sums`.
        sums: metric, and `ENTROPY` where every record holds it -> (images, layers, heads), sums over an image's questions.
        counts: (images,), numbers of questions.
        even: mean KL of even attention on the same boxes; NaN without kept maps.
    """

    n: int
    images: tuple[str, ...]
    sums: Mapping[str, NDArray[np.float32]]
    counts: NDArray[np.float64]
    even: float

    def means(self, metric: str) -> Array:
        """Mean of all questions, (layers, heads)."""
        summed: Array = self.sums[metric].sum(axis=0, dtype=np.float64) / self.n
        return summed

    def drawn(self, metric: str, times: NDArray[np.float64]) -> Array:
        """Means of resampled images, (resamples, layers x heads), from how often each image is drawn, (resamples, images)."""
        flat = self.sums[metric].reshape(len(self.images), -1).astype(np.float64)
        weighted: Array = (times @ flat) / (times @ self.counts)[:, None]
        return weighted


def head_sides(run: Run, tasks: Sequence[StudiedTask]) -> dict[str, HeadSide]:
    """Return side -> the heads of a run, over all kinds of questions; empty if its records hold no values of heads.

    Args:
        run: the run.
        tasks: its tasks; only questions in them count.
    """
    folder = journal_of(run)
    if folder is None:
        return {}
    asked = {(task.task, question.uid): task.side for task in tasks for question in task.questions}
    gathered: dict[str, dict[str, dict[str, Array]]] = {}
    counts: dict[str, dict[str, int]] = {}
    seen: set[tuple[str, str]] = set()
    for record in read_records(sorted(folder.glob("rank*.jsonl"))):
        heads, name = (record.alignment or {}).get("heads"), (record.task, record.uid)
        if heads is None or name not in asked or name in seen:
            continue
        seen.add(name)
        side = asked[name]
        image = gathered.setdefault(side, {}).setdefault(record.image, {})
        for metric in (*METRICS, ENTROPY):
            # A record without entropy leaves NaN, which `_side` drops.
            image[metric] = image.get(metric, 0) + np.asarray(heads.get(metric, np.nan), dtype=np.float64)
        counts.setdefault(side, {})[record.image] = counts.get(side, {}).get(record.image, 0) + 1
    even = {side: [value for task in tasks if task.side == side for value in task.even["KL"]] for side in gathered}
    return {side: _side(images, counts[side], even[side]) for side, images in gathered.items()}


def _side(images: Mapping[str, Mapping[str, Array]], counts: Mapping[str, int], even: Sequence[float]) -> HeadSide:
    names = sorted(images)
    measured = [
        metric for metric in (*METRICS, ENTROPY) if all(np.isfinite(images[name][metric]).all() for name in names)
    ]
    sums = {metric: np.stack([images[name][metric] for name in names]).astype(np.float32) for metric in measured}
    numbers = np.array([counts[name] for name in names], dtype=np.float64)
    known = [value for value in even if np.isfinite(value)]
    return HeadSide(int(numbers.sum()), tuple(names), sums, numbers, float(np.mean(known)) if known else float("nan"))
