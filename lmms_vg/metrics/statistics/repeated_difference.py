"""The difference between two settings with repeated runs, and both parts of its variance: other runs, and other images.

The difference is paired by question: its variance is images + runs - both as in `crossed`, where "images" is that of each
image's difference between the two means. If the two settings have the same seeds, the runs of one seed are paired as well,
and the differences of the pairs are what is repeated. Else the two settings' runs are independent, and "runs" and "both" are
sums over the two. A setting with a single run is taken as it is, as if every run of it gave these answers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats
from lmms_vg.metrics.statistics.crossed import CrossedError, crossed, error_of
from lmms_vg.metrics.statistics.difference import Difference
from lmms_vg.metrics.statistics.distributions import t_tail
from lmms_vg.metrics.statistics.paired import paired


class RepeatedDifference(NamedTuple):
    """A difference between the means of two settings.

    Attributes:
        runs: number of runs of each setting.
        by_seed: whether the runs were paired by their seeds.
        difference: the difference. `error`, `low`, `high` (Student's t with Satterthwaite's degrees of freedom) and `p` are for
            other runs on other images; `p` is the larger of this t test's and that of sign flips with these runs. With fewer
            than ten images that have a difference there is no interval; if no answer differs, it is Wilson's.
        of_runs: standard error for other runs on these questions.
        of_images: standard error for other images and these runs; NaN about a single image.
    """

    runs: tuple[int, int]
    by_seed: bool
    difference: Difference
    of_runs: float
    of_images: float


def repeated_difference(
    a: Sequence[Sequence[float]] | Floats,
    b: Sequence[Sequence[float]] | Floats,
    clusters: Sequence[Hashable],
    *,
    by_seed: bool = False,
    parts: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    resamples: int = 2000,
    family: int = 1,
) -> RepeatedDifference:
    """Compare the mean of b's runs with the mean of a's runs on the same questions.

    Args:
        a: (runs, questions) of the first setting.
        b: the same questions in the second.
        clusters: the image of each question.
        by_seed: whether a and b have the same seeds in the same order, so that their runs are paired.
        parts: the part of each question, if the mean is a weighted one of the parts' means.
        weights: part -> weight; only ratios matter.
        resamples: draws of the interval of these runs, which is used where no answer differs.
        family: number of comparisons that p will be corrected for.

    Raises:
        ValueError: neither setting has two runs, runs that are to be paired are not as many, or as in `clusters.checked`.
    """
    before, after = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    runs = len(before), len(after)
    if max(runs) < 2 or (by_seed and runs[0] != runs[1]):
        rule = "as many of one as of the other, at least two" if by_seed else "at least two of one of them"
        raise ValueError(f"{runs[0]} and {runs[1]} runs: allowed are {rule}")
    first, second = (dict(enumerate(values.mean(0).tolist())) for values in (before, after))
    of, names = dict(enumerate(clusters)), dict(enumerate(parts)) if parts else None
    these = paired(first, second, of, parts=names, weights=weights, resamples=resamples, family=family)
    if by_seed:
        settings = [crossed(after - before, clusters, parts, weights)]
        by_image = settings[0].by_image
    else:
        settings = [crossed(values, clusters, parts, weights) for values in (before, after)]
        by_image = settings[1].by_image - settings[0].by_image
    error = error_of(by_image, settings)
    return RepeatedDifference(runs, by_seed, _beyond_these_runs(these, error), error.of_runs, error.of_images)


def _beyond_these_runs(these: Difference, error: CrossedError) -> Difference:
    """Return the difference of these runs, with the uncertainty of other runs added."""
    if isnan(error.error):
        return these
    total = float(
        np.maximum(error.error, these.error)
    )  # where few images differ, that of these runs is what Wilson's bound allows, or NaN
    low, high = these.low, these.high
    p = _two_sided(these.mean, error) if these.images else 1.0
    if these.images and these.has_interval:
        reach = error._replace(error=total).reach()
        low, high = min(low, these.mean - reach), max(high, these.mean + reach)
    return these._replace(low=low, high=high, p=max(p, these.p), error=total)


def _two_sided(mean: float, error: CrossedError) -> float:
    return float(2 * t_tail(abs(mean) / error.error, error.degrees)) if error.error else 0.0
