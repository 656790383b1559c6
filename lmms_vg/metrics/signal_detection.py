"""Signal detection for yes/no answers: how well yes is told from no (d'), apart from how readily yes is said (criterion).

A model that says yes more often gains wherever yes is right more often, without seeing any better. With H the share of yes
among the questions whose answer is yes, F its share among the others, and z the normal quantile, d' is z(H) - z(F) and the
criterion -(z(H) + z(F)) / 2: below 0 yes is said readily. Both shares are log-linear: half an answer is added to each count
(Hautus 1995), so that shares of 0 and 1 have finite values. d' is free of the criterion as far as the answers come from
comparing two normal signals of equal variance with a threshold.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.bootstrap import image_draws
from lmms_vg.metrics.statistics.clusters import Floats, numbered
from lmms_vg.metrics.statistics.distributions import normal_quantile
from lmms_vg.metrics.statistics.label_swaps import Shift, label_swaps
from lmms_vg.metrics.statistics.sign_flips import sign_flips
from lmms_vg.metrics.statistics.wilson import FEW


class Detection(NamedTuple):
    """Rates, sensitivity and criterion of yes/no answers.

    Attributes:
        n: number of answers.
        yes_rate: share of yes.
        balanced_accuracy: mean of the accuracy where yes is right and where no is; NaN, as the next two, if the references
            are all yes or all no.
        d_prime: how well yes is told from no; 0 is chance.
        criterion: above 0 if no is said more readily, below 0 if yes is.
    """

    n: int
    yes_rate: float
    balanced_accuracy: float
    d_prime: float
    criterion: float


class DetectionShift(NamedTuple):
    """Changes between two runs on the questions that both answered with yes or no; `images` differ in an answer."""

    n: int
    images: int
    yes_rate: Shift
    balanced_accuracy: Shift
    d_prime: Shift
    criterion: Shift


def detection(answers: Sequence[bool], truth: Sequence[bool]) -> Detection:
    """Describe answers, each True for yes, against the references.

    Raises:
        ValueError: there are no answers, or not one reference per answer.

    >>> [round(value, 3) for value in detection([True, True, True, False], [True, True, False, False])]
    [4, 0.75, 0.75, 0.967, -0.484]
    """
    _check(len(truth), answers)
    h, f, yes, no = (float(total) for total in _counts(answers, truth, np.zeros(len(answers), dtype=np.intp)).sum(1))
    rate, balanced, d_prime, criterion = (float(value) for value in _values(h, f, yes, no))
    return Detection(len(answers), rate, *((balanced, d_prime, criterion) if yes and no else (nan, nan, nan)))


def detection_shift(
    a: Sequence[bool],
    b: Sequence[bool],
    truth: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> DetectionShift | None:
    """Compare two runs' answers to the same questions; None if the references are all yes or all no.

    Intervals are percentile bootstraps of whole images. For the p-values the runs' answers about an image are swapped, which
    for the yes-rate and the balanced accuracy, both sums, is a sign flip.

    Raises:
        ValueError: there are no answers, or lengths differ.
    """
    _check(len(truth), a, b, clusters)
    if all(truth) or not any(truth):
        return None
    index, _ = numbered(clusters)
    before, after = (_counts(answers, truth, index) for answers in (a, b))
    differing = len(np.unique(index[np.asarray(a) != np.asarray(b)]))
    means = _values(*after.sum(1)) - _values(*before.sum(1))
    low = high = p = np.full(4, nan)
    if differing >= FEW:
        low, high = np.nanquantile(_resampled(before, after, resamples, seed), [0.025, 0.975], axis=0)
        p = _p_values(before, after, seed)
    shifts = [Shift(*map(float, values)) for values in zip(means, low, high, p, strict=True)]
    return DetectionShift(len(truth), differing, *shifts)


def signature(unit: str = "image") -> str:
    """Describe what the values depend on, to be printed with them."""
    return f"signal_detection|shares:log-linear+.5|on:readable-yes-no|unit:{unit}|p:label-swaps|v:2"


def _check(n: int, *columns: Sequence[Any]) -> None:
    lengths = [len(column) for column in columns]
    if not n or set(lengths) != {n}:
        raise ValueError(f"{n} references for {lengths} values: allowed is one of each per question, and at least one")


def _counts(answers: Sequence[bool], truth: Sequence[bool], index: Any) -> Floats:
    """Per image: hits, false alarms, questions whose answer is yes, and others, (4, images)."""
    yes, right = np.asarray(answers, dtype=float), np.asarray(truth, dtype=float)
    return np.stack(
        [np.bincount(index, weights=column) for column in (yes * right, yes * (1 - right), right, 1 - right)]
    )


def _values(h: Any, f: Any, yes: Any, no: Any) -> Floats:
    """Yes-rate, balanced accuracy, d' and criterion; the balanced accuracy of one class alone is NaN."""
    z = [normal_quantile((count + 0.5) / (total + 1)) for count, total in ((h, yes), (f, no))]
    with np.errstate(invalid="ignore", divide="ignore"):
        balanced = (np.divide(h, yes) + 1 - np.divide(f, no)) / 2
    return np.stack([np.divide(h + f, yes + no), balanced, z[0] - z[1], -(z[0] + z[1]) / 2], axis=-1)


def _resampled(before: Floats, after: Floats, resamples: int, seed: int) -> Floats:
    """Changes under the same draws of images for both runs, (resamples, 4)."""
    draws = image_draws(before.shape[1], resamples, seed)
    return np.concatenate([_values(*(after @ times.T)) - _values(*(before @ times.T)) for times in draws])


def _p_values(before: Floats, after: Floats, seed: int) -> Floats:
    """p-values of the four changes; an image whose counts are the same in both runs is uninformative."""
    yes, no = before[2].sum(), before[3].sum()
    moved = (after - before)[:2]  # hits and false alarms
    start, end = (counts[:2].sum(1, keepdims=True) for counts in (before, after))

    def changes(swapped: NDArray[np.bool_]) -> Floats:
        taken = moved @ swapped.T.astype(np.float64)
        ends, starts = end - taken, start + taken
        change: Floats = _values(ends[0], ends[1], yes, no) - _values(starts[0], starts[1], yes, no)
        return change[:, 2:]

    flipped = [sign_flips(sums).p for sums in (moved.sum(0), moved[0] / yes - moved[1] / no)]
    return np.array([*flipped, *label_swaps(changes, np.asarray(moved.any(axis=0)), seed=seed)])
