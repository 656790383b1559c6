"""The interval of a weighted mean of means, such as MMMU's average."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from lmms_vg.metrics.statistics import Interval, percentile_interval, resample
from lmms_vg.metrics.statistics.ends import end_interval
from lmms_vg.metrics.statistics.wilson import WeightedPart


def weighted_interval(
    parts: Mapping[str, tuple[Sequence[float], Sequence[Hashable]]],
    weights: Mapping[str, float],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """95% percentile bootstrap interval of the weighted mean of the parts' means; images are drawn within each part.

    Where hardly a score differs from 0, or from 1, it is Wilson's (`end_interval`).

    Args:
        parts: name -> scores, and the image of each.
        weights: name -> weight; only ratios matter.
        resamples: number of draws.
        seed: of the first part; part i takes `seed` + i.

    Returns:
        The interval; both ends are NaN if a part has a single image.
    """
    total = sum(weights.values())
    drawn = []
    for number, (name, (scores, images)) in enumerate(parts.items()):
        part = resample([scores], images, resamples=resamples, seed=seed + number)
        drawn.append(part.sums[0] / part.counts * weights[name] / total)
    if any(not len(means) for means in drawn):
        return Interval(float("nan"), float("nan"))
    within = [
        WeightedPart(scores, [(name, image) for image in images], weights[name])
        for name, (scores, images) in parts.items()
    ]
    if (ends := end_interval(within)) is not None:
        return ends
    low, high = percentile_interval(sum(drawn[1:], drawn[0]))
    return Interval(float(low), float(high))
