"""How well a number tells two kinds of questions apart, with an interval that draws whole images."""

from collections.abc import Hashable, Sequence
from math import nan

import numpy as np

from lmms_vg.metrics.forced_choice import auc
from lmms_vg.metrics.statistics import Interval
from lmms_vg.metrics.statistics.bootstrap import check_draws, image_draws, percentile_interval
from lmms_vg.metrics.statistics.clusters import numbered
from lmms_vg.metrics.statistics.wilson import FEW


def auc_interval(
    values: Sequence[float],
    truth: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of `forced_choice.auc`, from whole images.

    Draws that hold one kind of question only have no AUC and are left out. Both ends are NaN if fewer than ten images have a
    question of one of the kinds, which is too few to draw from.

    Args:
        values: one finite number per question.
        truth: which of the two kinds each question is.
        clusters: the image of each.
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
    # Comparisons that the questions of an image with `truth` win over those of another image without.
    won = np.zeros((images, images))
    for value, image in zip(number[right], index[right], strict=True):
        points = (value > number[~right]) + (value == number[~right]) / 2
        won[image] += np.bincount(index[~right], weights=points, minlength=images)
    with_truth, without = (np.bincount(index[kind], minlength=images).astype(np.float64) for kind in (right, ~right))
    draws = []
    for times in image_draws(images, resamples, seed):
        compared = (times @ with_truth) * (times @ without)
        drawn = compared > 0
        draws.append(((times @ won * times).sum(1)[drawn]) / compared[drawn])
    low, high = percentile_interval(np.concatenate(draws), level)
    return Interval(float(low), float(high))
