"""Figure 3 as numbers: alignment of attention and boxes on medical and on COCO images, layer by layer, and the gap.

The two sets share no image, so each is resampled separately, by image. The paper claims that medical images have the lower
AR and the higher KL and JS in most layers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics import percentile_interval, resample
from lmms_vg.runs.lmms_eval_output import samples
from lmms_vg.runs.results import Run

#: Metric -> sign of medical minus COCO that the paper claims.
CLAIM = {"ar": -1, "kl": 1, "js": 1}

SAID = {1: "as claimed", -1: "opposite", 0: "not shown"}


class Band(NamedTuple):
    """Means and 95% intervals, each of shape (metrics, layers), metrics in the order of `CLAIM`."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class Gaps(NamedTuple):
    """One kind of question under one model. `n` and `images` count questions and images: (medical, COCO)."""

    kind: str
    n: tuple[int, int]
    images: tuple[int, int]
    medical: Band
    coco: Band
    gap: Band

    def verdict(self, metric: str, layer: int) -> str:
        """What the gap's interval says about the claim; `-` if there is no interval."""
        place = list(CLAIM).index(metric), layer
        low, high = self.gap.low[place], self.gap.high[place]
        if np.isnan(low):
            return "-"
        sign = int(low > 0) - int(high < 0)
        return SAID[sign * CLAIM[metric]]


def gaps(run: Run, kind: str, medical: str, coco: str, seed: int = 0) -> Gaps:
    """Compare two tasks of a run.

    Args:
        run: a run that has both tasks.
        kind: kind of question, kept in the result.
        medical: task on medical images.
        coco: task on COCO images.
        seed: of the medical draws; COCO takes `seed` + 1.

    Raises:
        ValueError: the run was saved by an older version.
    """
    first, second = measured(run, medical), measured(run, coco)
    means, draws = [], []
    for number, (values, images) in enumerate((first, second)):
        drawn = resample(values.T.tolist(), images, seed=seed + number)
        means.append(values.mean(0))
        draws.append(drawn.sums / drawn.counts)
    return Gaps(
        kind,
        (len(first[0]), len(second[0])),
        (len(set(first[1])), len(set(second[1]))),
        _band(means[0], draws[0]),
        _band(means[1], draws[1]),
        _band(means[0] - means[1], draws[0] - draws[1]),
    )


def measured(run: Run, task: str) -> tuple[NDArray[np.float64], list[str]]:
    """The measured questions of a task: values (questions, metrics x layers), and the image of each question.

    Raises:
        ValueError: the run was saved by an older version.
    """
    lines = [line for line in samples(run.path, task) if "error" not in line["kl"]]
    try:
        images = [line["ar"]["image"] for line in lines]
    except KeyError as problem:
        raise ValueError(
            f"{run.path}: its measurements do not name their images; run it again with this version"
        ) from problem
    return np.array([[value for metric in CLAIM for value in line[metric][metric]] for line in lines]), images


def _band(mean: NDArray[np.float64], drawn: NDArray[np.float64]) -> Band:
    def shaped(flat: Any) -> NDArray[np.float64]:
        return np.asarray(flat).reshape(len(CLAIM), -1)

    low, high = percentile_interval(drawn)
    return Band(shaped(mean), shaped(low), shaped(high))
