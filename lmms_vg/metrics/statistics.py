"""How sure is a mean, and is one run better than another: intervals and tests for questions that share images.

Questions about one image are answered alike, so they are no independent draws. The bootstrap here resamples whole
clusters, which are images (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, Section 3.8): an
interval from single questions would come out too narrow. With fewer than some 30 images it is too narrow even so.

Every mean is over questions, not over images: an image with many questions counts for as many.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lmms_vg import __version__

Uid = TypeVar("Uid", bound=Hashable)

_BATCH = 2**21  # resampled clusters held at once; a cluster takes an index, a sum and a count: 50 MB together


class Interval(NamedTuple):
    """Both ends are NaN for a single cluster, which says nothing about the spread between clusters."""

    low: float
    high: float


class Difference(NamedTuple):
    """Mean of b minus mean of a, its interval, and the two-sided p-value of no difference."""

    mean: float
    low: float
    high: float
    p: float


class McNemar(NamedTuple):
    """Questions right in ``a`` only and in ``b`` only, and the two-sided p-value of no difference."""

    only_a: int
    only_b: int
    p: float


def cluster_interval(
    scores: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of the mean score; ``clusters`` has the image of each score, in the same order.

    Scores that are all the same give an interval of no width. Errors: ValueError for no scores, for scores that are
    not finite, for lengths that differ, and for a level outside 0 to 1.
    """
    low, high, _ = _bootstrap(scores, clusters, level, resamples, seed)
    return Interval(low, high)


def paired(
    a: Mapping[Uid, float],
    b: Mapping[Uid, float],
    clusters: Mapping[Uid, Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """Paired bootstrap of mean(b) - mean(a) over the same questions, from uid -> score and uid -> image.

    Both runs are resampled together. With d the difference and d* that of one of B resamples,
    p = (1 + #{|d* - d| >= |d|}) / (1 + B), which is never 0 (Davison and Hinkley, Section 4.4). With a single image
    nothing can be told: p is 1. Errors: ValueError if the runs are of different questions, if a question has no image,
    and as in ``cluster_interval``.
    """
    uids = _same_questions(a, b)
    without = [uid for uid in uids if uid not in clusters]
    if without:
        raise ValueError(f"{len(without)} of {len(uids)} questions have no cluster: {_first(without)}")
    differences = [b[uid] - a[uid] for uid in uids]
    low, high, resampled = _bootstrap(differences, [clusters[uid] for uid in uids], level, resamples, seed)
    mean = math.fsum(differences) / len(differences)
    # Resampled sums are rounded, so that an exact tie could fall on either side.
    extreme = int((np.abs(resampled - mean) >= abs(mean) - 1e-12).sum())
    return Difference(mean, low, high, (1 + extreme) / (1 + len(resampled)))


def mcnemar(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> McNemar:
    """Exact two-sided McNemar test of uid -> 0 or 1: the questions on which the runs disagree against Binomial(n, 1/2).

    It takes questions for independent, which those about one image are not; ``paired`` does not. Errors: ValueError if
    the runs are of different questions or a score is neither 0 nor 1.

    >>> mcnemar({"q1": 1, "q2": 0, "q3": 0}, {"q1": 1, "q2": 1, "q3": 1})
    McNemar(only_a=0, only_b=2, p=0.5)
    """
    uids = _same_questions(a, b)
    for run in (a, b):
        for uid in uids:
            if run[uid] not in (0, 1):
                raise ValueError(f"{uid}: score {run[uid]!r}, but McNemar's test takes 0 and 1 only")
    only_a, only_b = sum(a[uid] > b[uid] for uid in uids), sum(b[uid] > a[uid] for uid in uids)
    # Runs that agree everywhere give no trial at all: no evidence of a difference.
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, p)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's (1979) step-down adjustment for several comparisons, 0 to 1, in the order given.

    The k-th smallest of m is multiplied by m + 1 - k, and none may fall below a smaller one's. Errors: ValueError for a
    p-value outside 0 to 1.

    >>> holm({"PAI": 0.5, "VGRefine": 0.25})
    {'PAI': 0.5, 'VGRefine': 0.5}
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"{name}: p-value {p!r} is not from 0 to 1")
    adjusted, highest = dict(p_values), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = highest
    return adjusted


def signature(*, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> str:
    """What an interval or a p-value of the bootstrap depends on, to be printed beside it."""
    settings = f"level:{level}|resamples:{resamples}|seed:{seed}"
    return f"bootstrap|unit:image|interval:percentile|{settings}|v:{__version__}"


def _bootstrap(
    scores: Sequence[float], clusters: Sequence[Hashable], level: float, resamples: int, seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """Low and high end of the mean's interval, and the resampled means (none for a single cluster)."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not values.size or len(values) != len(clusters):
        raise ValueError(f"one cluster a score and at least one of both: {values.shape} and {len(clusters)} given")
    if not np.isfinite(values).all():
        raise ValueError(f"scores must be finite, number {int(np.argmin(np.isfinite(values)))} is not")
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(f"level must be between 0 and 1 and resamples at least 1: {level} and {resamples} given")
    # By name: ranks hand over questions in another order, which must not move a seeded interval.
    numbers = {cluster: number for number, cluster in enumerate(sorted(set(clusters), key=str))}
    index = [numbers[cluster] for cluster in clusters]
    if len(numbers) == 1:
        return math.nan, math.nan, np.empty(0)
    result = stats.bootstrap(
        (np.bincount(index, weights=values), np.bincount(index).astype(np.float64)),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _BATCH // len(numbers)),
        confidence_level=level,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return float(low), float(high), result.bootstrap_distribution


def _ratio(sums: Any, counts: Any, axis: int = -1) -> Any:
    return sums.sum(axis=axis) / counts.sum(axis=axis)


def _same_questions(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> list[Uid]:
    """The questions in a's order. Errors: ValueError if the runs are not of the same questions."""
    only_a, only_b = [uid for uid in a if uid not in b], [uid for uid in b if uid not in a]
    if only_a or only_b:
        found = [f"{len(uids)} only in {run} ({_first(uids)})" for run, uids in (("a", only_a), ("b", only_b)) if uids]
        raise ValueError(f"the runs are of different questions, so they cannot be paired: {', '.join(found)}")
    return list(a)


def _first(uids: Sequence[Hashable]) -> str:
    return ", ".join(map(str, uids[:3])) + (", ..." if len(uids) > 3 else "")
