"""Confidence intervals of means, and tests between runs, for questions that share images.

Answers about one image are similar, so they are not independent draws. The bootstrap resamples whole clusters, which are
images (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, Section 3.8): an interval from single
questions would be too narrow. With fewer than about 30 images it is still too narrow.

Every mean is over questions, not over images: an image counts once per question.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Uid = TypeVar("Uid", bound=Hashable)

_BATCH = 2**21  # resampled clusters in memory, each with an index, a sum and a count: 50 MB in all
_BLOCK = 2**23  # sums of clusters in memory, over all runs: 64 MB


class Interval(NamedTuple):
    """Ends of a confidence interval; both are NaN for a single cluster, which has no spread between clusters."""

    low: float
    high: float


class Difference(NamedTuple):
    """Mean of b minus mean of a, its interval, and the two-sided p-value for no difference."""

    mean: float
    low: float
    high: float
    p: float


class Resampled(NamedTuple):
    """Runs on the same questions under the same draws, so that any two are paired.

    Attributes:
        n: number of questions.
        totals: sum of all scores, (runs,).
        sums: sum of the drawn scores, (runs, resamples); a single cluster gives no resamples.
        counts: number of drawn questions, (resamples,).
    """

    n: int
    totals: NDArray[np.float64]
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]

    def difference(self, a: int, b: int, *, level: float = 0.95) -> Difference:
        """Compare run number b with run number a; equal to `paired`, bit for bit for scores of 0 and 1."""
        return _difference(
            float(self.totals[b] - self.totals[a]) / self.n, (self.sums[b] - self.sums[a]) / self.counts, level
        )


class McNemar(NamedTuple):
    """Numbers of questions right in `a` only and in `b` only, and the two-sided p-value for no difference."""

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
    """Percentile bootstrap interval of the mean score; equal scores give an interval of width 0.

    Args:
        scores: one per question.
        clusters: the image of each score.
        level: confidence, between 0 and 1.
        resamples: number of resamples.
        seed: of the draws.

    Raises:
        ValueError: no scores, a score that is not finite, lengths that differ, or `level` or `resamples` out of range.
    """
    low, high = percentile_interval(_bootstrap(scores, clusters, level, resamples, seed), level)
    return Interval(float(low), float(high))


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

    Both runs are resampled together. With d the difference and d* the difference in one of B resamples,
    p = (1 + #{|d* - d| >= |d|}) / (1 + B), which is never 0 (Davison and Hinkley, Section 4.4). With a single image p is 1.
    The other arguments are those of `cluster_interval`.

    Raises:
        ValueError: the runs have different questions, a question has no image, or as in `cluster_interval`.
    """
    uids = _same_questions(a, b)
    without = [uid for uid in uids if uid not in clusters]
    if without:
        raise ValueError(f"{len(without)} of {len(uids)} questions have no cluster: {_first(without)}")
    differences = [b[uid] - a[uid] for uid in uids]
    resampled = _bootstrap(differences, [clusters[uid] for uid in uids], level, resamples, seed)
    return _difference(math.fsum(differences) / len(differences), resampled, level)


def resample(
    runs: Sequence[Sequence[float] | NDArray[np.float64]],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Resampled:
    """Resample many runs' scores of the same questions, in the same order, by the draws of `paired`.

    500 runs on 2,000 images take half a second, in place of 124,750 calls of `paired`. Memory is runs x resamples numbers
    and about 150 MB. The other arguments are those of `cluster_interval`.

    Raises:
        ValueError: there are no runs, or as in `cluster_interval` for one of them.
    """
    values = [_checked(scores, clusters) for scores in runs]
    if not values or resamples < 1:
        raise ValueError(f"{len(values)} runs and {resamples} resamples: allowed is at least one of each")
    index, number = _numbered(clusters)
    sizes = np.bincount(index).astype(np.float64)
    columns = resamples if number > 1 else 0
    sums, counts = np.empty((len(values), columns)), np.empty(columns)
    block, batch = max(1, _BLOCK // number), max(1, _BATCH // number)
    for first in range(0, len(values) if columns else 0, block):
        of_clusters = np.stack([np.bincount(index, weights=scores) for scores in values[first : first + block]])
        rng = np.random.default_rng(seed)  # every block has the same draws
        for start in range(0, resamples, batch):
            size = min(batch, resamples - start)
            places = rng.integers(0, number, (size, number)) + number * np.arange(size)[:, None]
            times = np.bincount(places.ravel(), minlength=size * number).reshape(size, number).astype(np.float64)
            sums[first : first + block, start : start + size] = of_clusters @ times.T
            counts[start : start + size] = times @ sizes
    return Resampled(len(index), np.array([scores.sum() for scores in values]), sums, counts)


def percentile_interval(resampled: NDArray[np.float64], level: float = 0.95) -> NDArray[np.float64]:
    """Ends of the percentile interval of (..., resamples), as (2, ...); NaN if there are no resamples."""
    if not resampled.shape[-1]:
        return np.full((2, *resampled.shape[:-1]), math.nan)
    tail = (1 - level) / 2
    return np.quantile(resampled, [tail, 1 - tail], axis=-1)


def mcnemar(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> McNemar:
    """Exact two-sided McNemar test of two runs, uid -> 0 or 1: the runs' disagreements against Binomial(n, 1/2).

    It assumes independent questions, which questions about one image are not; `paired` does not assume it.

    Raises:
        ValueError: the runs have different questions, or a score is neither 0 nor 1.

    >>> mcnemar({"q1": 1, "q2": 0, "q3": 0}, {"q1": 1, "q2": 1, "q3": 1})
    McNemar(only_a=0, only_b=2, p=0.5)
    """
    uids = _same_questions(a, b)
    for run in (a, b):
        for uid in uids:
            if run[uid] not in (0, 1):
                raise ValueError(f"{uid}: score {run[uid]!r}: allowed in McNemar's test is 0 or 1")
    only_a, only_b = sum(a[uid] > b[uid] for uid in uids), sum(b[uid] > a[uid] for uid in uids)
    # Runs that agree on all questions have no trials, and show no difference.
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, p)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for several comparisons by Holm's (1979) step-down method; the order is kept.

    The k-th smallest of m p-values is multiplied by m + 1 - k, but is at most 1 and not below the adjusted ones before it.

    Raises:
        ValueError: a p-value is outside 0 to 1.

    >>> holm({"PAI": 0.5, "VGRefine": 0.25})
    {'PAI': 0.5, 'VGRefine': 0.5}
    """
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"{name}: p-value {p!r}: allowed is 0 to 1")
    adjusted, highest = dict(p_values), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = highest
    return adjusted


_VERSION = 1  # of the bootstrap; increases when the same scores give another interval or p-value


def signature(*, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> str:
    """Describe what an interval or p-value of the bootstrap depends on, to be printed with it."""
    settings = f"level:{level}|resamples:{resamples}|seed:{seed}"
    return f"bootstrap|unit:image|interval:percentile|{settings}|v:{_VERSION}"


def _difference(mean: float, resampled: NDArray[np.float64], level: float) -> Difference:
    low, high = percentile_interval(resampled, level)
    # Resampled sums are rounded, so an exact tie could fall on either side.
    extreme = int((np.abs(resampled - mean) >= abs(mean) - 1e-12).sum())
    return Difference(mean, float(low), float(high), (1 + extreme) / (1 + len(resampled)))


def _bootstrap(
    scores: Sequence[float], clusters: Sequence[Hashable], level: float, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Resampled means; none for a single cluster."""
    values = _checked(scores, clusters)
    if not 0 < level < 1 or resamples < 1:
        raise ValueError(
            f"level {level}, resamples {resamples}: allowed is a level between 0 and 1, and at least 1 resample"
        )
    index, number = _numbered(clusters)
    if number == 1:
        return np.empty(0)
    result = stats.bootstrap(
        (np.bincount(index, weights=values), np.bincount(index).astype(np.float64)),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _BATCH // number),
        confidence_level=level,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    # Its interval is not used: the last bit depends on scipy's version.
    return np.asarray(result.bootstrap_distribution)


def _checked(scores: Sequence[float] | NDArray[np.float64], clusters: Sequence[Hashable]) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not values.size or len(values) != len(clusters):
        raise ValueError(
            f"scores of shape {values.shape} and {len(clusters)} clusters: allowed is one cluster per score, and at least one"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"scores must be finite, but number {int(np.argmin(np.isfinite(values)))} is not")
    return values


def _numbered(clusters: Sequence[Hashable]) -> tuple[NDArray[np.intp], int]:
    """Number of each score's cluster, and the number of clusters."""
    # Sorted by name: several ranks give questions in another order, which must not change a seeded interval.
    numbers = {cluster: number for number, cluster in enumerate(sorted(set(clusters), key=str))}
    return np.array([numbers[cluster] for cluster in clusters], dtype=np.intp), len(numbers)


def _ratio(sums: Any, counts: Any, axis: int = -1) -> Any:
    return sums.sum(axis=axis) / counts.sum(axis=axis)


def _same_questions(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> list[Uid]:
    """The questions in a's order; ValueError if the runs have different questions."""
    only_a, only_b = [uid for uid in a if uid not in b], [uid for uid in b if uid not in a]
    if only_a or only_b:
        parts = [f"{len(uids)} only in {run} ({_first(uids)})" for run, uids in (("a", only_a), ("b", only_b)) if uids]
        raise ValueError(f"the runs have different questions, so they cannot be paired: {', '.join(parts)}")
    return list(a)


def _first(uids: Sequence[Hashable]) -> str:
    return ", ".join(map(str, uids[:3])) + (", ..." if len(uids) > 3 else "")
