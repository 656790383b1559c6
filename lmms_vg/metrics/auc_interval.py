"""AUC: how well a number separates two kinds of questions, with an interval that resamples whole images."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.forced_choice import auc
from lmms_vg.metrics.statistics import Interval
from lmms_vg.metrics.statistics.bootstrap import check_draws, image_draws, percentile_interval
from lmms_vg.metrics.statistics.clusters import Floats, numbered
from lmms_vg.metrics.statistics.wilson import FEW


def auc_within(values: Sequence[float], truth: Sequence[bool], strata: Sequence[Hashable]) -> float:
    """Probability that a question of one kind has the larger value, of pairs within one stratum only.

    Ties count half. It is NaN if no stratum has both kinds. With one stratum it is `forced_choice.auc`.

    Raises:
        ValueError: as in `auc`, or there is not one stratum per value.

    >>> auc_within([2.0, 1.0, 9.0, 8.0], [True, False, False, False], ["small", "small", "large", "large"])
    1.0
    """
    auc(values, truth)  # checks them
    won, compared = _pairs(
        np.asarray(values, float), np.asarray(truth, bool), np.arange(len(values)), len(values), strata
    )
    total = compared.sum()
    return float(won.sum() / total) if total else nan


def auc_interval(
    values: Sequence[float],
    truth: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    strata: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of `forced_choice.auc`, or of `auc_within` strata, from whole images.

    Draws that hold one kind of question only have no AUC and are left out. Both ends are NaN if fewer than ten images have a
    question of one of the kinds, which is too few to draw from.

    Args:
        values: one finite number per question.
        truth: which of the two kinds each question is.
        clusters: the image of each.
        strata: of each question; pairs of two strata are not compared. One image may have questions in several.
        level: confidence, between 0 and 1.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: as in `auc`; or there is not one image per value, or `level` or `resamples` is out of range.
    """
    check_draws(level, resamples)
    auc(values, truth)  # checks them
    if len(clusters) != len(values):
        raise ValueError(f"{len(clusters)} images for {len(values)} values: allowed is one of each per question")
    number, right = np.asarray(values, dtype=np.float64), np.asarray(truth, dtype=bool)
    index, images = numbered(clusters)
    if min(len(np.unique(index[right])), len(np.unique(index[~right]))) < FEW:
        return Interval(nan, nan)
    won, pairs = _pairs(number, right, index, images, strata or [None] * len(values))
    draws = []
    for times in image_draws(images, resamples, seed):
        compared = (times @ pairs * times).sum(1)
        drawn = compared > 0
        draws.append(((times @ won * times).sum(1)[drawn]) / compared[drawn])
    low, high = percentile_interval(np.concatenate(draws), level)
    return Interval(float(low), float(high))


def _pairs(
    values: Floats, right: NDArray[np.bool_], index: NDArray[np.intp], images: int, strata: Sequence[Hashable]
) -> tuple[Floats, Floats]:
    """Comparisons between questions of one stratum, (images of those with `right`, images of the others): won, and made."""
    if len(strata) != len(values):
        raise ValueError(f"{len(strata)} strata for {len(values)} values: allowed is one of each per question")
    won, pairs = np.zeros((2, images, images))
    numbers, _ = numbered(strata)
    for value, image, stratum in zip(values[right], index[right], numbers[right], strict=True):
        against = ~right & (numbers == stratum)
        points = (value > values[against]) + (value == values[against]) / 2
        won[image] += np.bincount(index[against], weights=points, minlength=images)
        pairs[image] += np.bincount(index[against], minlength=images)
    return won, pairs
