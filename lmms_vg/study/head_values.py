"""Values of every head, medical and natural images, from the journals of runs with `per_head=true` (paper, Figure D.1).

Sums are kept per image, so that images can be resampled: memory grows with images and heads, not with questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import HeadValues, read_heads, read_records
from lmms_vg.metrics.alignment import Array
from lmms_vg.metrics.head_ranking import HIGHER, METRICS, By
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.results import Run
from lmms_vg.runs.units import together
from lmms_vg.study.collect import StudiedTask
from lmms_vg.study.layer_values import Measure

_MEASURES: dict[By, Measure] = {"kl": "KL", "js": "JS", "ar": "AR", "placement": "placement"}

#: The spread of a head's attention on any image, which is no metric, since it uses no box. Journals of earlier versions lack
#: it.
ENTROPY: Literal["entropy"] = "entropy"

HeadValue = By | Literal["entropy"]

_VALUES: tuple[HeadValue, ...] = (*METRICS, ENTROPY)


class HeadSide(NamedTuple):
    """The heads on one side's images.

    Attributes:
        n: number of questions.
        images: the images, or patients where they are known, in the order of `sums`.
        sums: value -> (images, layers, heads), sums over an image's questions that have the value.
        counts: value -> (images,), numbers of these questions.
        even: metric -> mean of even attention on the same boxes; NaN without kept maps.
        unit: what `images` are: `image`, `patient`, or `image or patient`.
    """

    n: int
    images: tuple[str, ...]
    sums: Mapping[HeadValue, NDArray[np.float32]]
    counts: Mapping[HeadValue, NDArray[np.float64]]
    even: Mapping[By, float]
    unit: str

    @property
    def metrics(self) -> tuple[By, ...]:
        """The metrics that any question has: a box with few places has no placement, nor has a journal of older versions."""
        return tuple(metric for metric in METRICS if self.counts[metric].any())

    @property
    def has_entropy(self) -> bool:
        """Whether the entropy of every question is known."""
        return bool(self.counts[ENTROPY].sum() == self.n)

    def means(self, value: HeadValue) -> Array:
        """Mean of all questions that have the value, (layers, heads)."""
        summed: Array = self.sums[value].sum(axis=0, dtype=np.float64) / self.counts[value].sum()
        return summed

    def drawn(self, value: HeadValue, times: NDArray[np.float64]) -> Array:
        """Means of resampled images, (resamples, layers x heads), from how often each image is drawn, (resamples, images)."""
        flat = self.sums[value].reshape(len(self.images), -1).astype(np.float64)
        weighted: Array = (times @ flat) / (times @ self.counts[value])[:, None]
        return weighted

    def beat_even(self) -> NDArray[np.bool_] | None:
        """Return whether each head beats even attention by every metric, (layers, heads); None if even attention is unknown."""
        known = [metric for metric in self.metrics if np.isfinite(self.even[metric])]
        if not known:
            return None
        beats = [
            self.means(metric) > self.even[metric] if metric in HIGHER else self.means(metric) < self.even[metric]
            for metric in known
        ]
        better: NDArray[np.bool_] = np.all(beats, axis=0)
        return better


def head_sides(run: Run, tasks: Sequence[StudiedTask]) -> dict[str, HeadSide]:
    """Return side -> the heads of a run, over all kinds of questions; empty if its records hold no values of heads.

    Args:
        run: the run.
        tasks: its tasks; only questions in them count.
    """
    folder = journal_of(run)
    if folder is None:
        return {}
    asked = {(task.task, question.uid): (task.side, question.unit) for task in tasks for question in task.questions}
    gathered: dict[str, dict[str, _ImageSums]] = {}
    seen: set[tuple[str, str]] = set()
    records = read_records(sorted(folder.glob("rank*.jsonl")))
    for record, heads in read_heads(folder, (record for record in records if (record.task, record.uid) in asked)):
        name = (record.task, record.uid)
        if name not in seen:
            seen.add(name)
            side, unit = asked[name]
            gathered.setdefault(side, {}).setdefault(unit, _ImageSums(heads.kl.shape)).add(heads)
    return {side: _side(images, [task for task in tasks if task.side == side]) for side, images in gathered.items()}


class _ImageSums:
    """Sums over the questions about one image."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.n = 0
        self.sums: dict[HeadValue, Array] = {value: np.zeros(shape) for value in _VALUES}
        self.counts = dict.fromkeys(_VALUES, 0)

    def add(self, heads: HeadValues) -> None:
        self.n += 1
        for value, summed in self.sums.items():
            array = getattr(heads, value)
            if np.isfinite(array).all():
                summed += array
                self.counts[value] += 1


def _side(images: Mapping[str, _ImageSums], tasks: Sequence[StudiedTask]) -> HeadSide:
    names = sorted(images)
    return HeadSide(
        sum(image.n for image in images.values()),
        tuple(names),
        {value: np.stack([images[name].sums[value] for name in names]).astype(np.float32) for value in _VALUES},
        {value: np.array([images[name].counts[value] for name in names], dtype=np.float64) for value in _VALUES},
        {metric: _mean_even(tasks, measure) for metric, measure in _MEASURES.items()},
        together(task.unit for task in tasks),
    )


def _mean_even(tasks: Sequence[StudiedTask], measure: Measure) -> float:
    even = np.concatenate([task.even[measure] for task in tasks])
    known = even[np.isfinite(even)]
    return float(known.mean()) if len(known) else float("nan")
