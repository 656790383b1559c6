"""A model's preference among the allowed answers, whether it writes it or not, from the first token's log-probabilities.

A generated answer must be readable before it can be right. Forced choice takes the answer with the highest log-probability
instead, so that a method which only changes the form of answers changes nothing here. The area under the curve (AUC) goes
one step further: it asks how well the preference for yes orders the questions, wherever the threshold lies.

Probabilities are shares among the allowed answers; what the model gives to all other words is the missing mass. A question
without values is left out by the caller: NaN and infinity are refused here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import isclose, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.bootstrap import image_draws
from lmms_vg.metrics.statistics.clusters import Floats, numbered
from lmms_vg.metrics.statistics.distributions import average_ranks
from lmms_vg.metrics.statistics.label_swaps import Shift, label_swaps
from lmms_vg.metrics.statistics.wilson import FEW

#: Bins of the expected calibration error: equally wide, over the probability of the preferred answer.
BINS = 10


class Preference(NamedTuple):
    """The preferred answer of one question, and its probability.

    Attributes:
        correct: 1 if the right answer has the highest one, 0 if another has, 1 / k if it shares it with k - 1 others.
        confidence: probability of the preferred answer, from 1 / number of answers to 1.
        brier: squared distance of the probabilities from the right answer, halved: 0 is perfect, 1 is sure and wrong. For two
            answers it is (1 - p)^2, p being the probability of the right one.
        log_score: -ln p of the right answer, in nats: 0 is perfect.
    """

    correct: float
    confidence: float
    brier: float
    log_score: float


def preference(log_p: Sequence[float], right: int) -> Preference:
    """Judge the log-probabilities of one question's answers, of which number `right` is right.

    Raises:
        ValueError: there are fewer than two answers, one has no finite log-probability, or `right` is none of them.

    >>> preference([-1.0, -1.0], 0).correct
    0.5
    """
    values = np.asarray(log_p, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"log_p {list(log_p)}: allowed are at least two finite log-probabilities")
    if not 0 <= right < len(values):
        raise ValueError(f"right {right}: allowed is 0 to {len(values) - 1}")
    log_shares = values - values.max()
    log_shares = log_shares - np.log(np.exp(log_shares).sum())
    shares, highest = np.exp(log_shares), values == values.max()
    target = np.arange(len(values)) == right
    return Preference(
        float(highest[right] / highest.sum()),
        float(shares.max()),
        float(((shares - target) ** 2).sum() / 2),
        float(-log_shares[right]),
    )


def auc(margins: Sequence[float], truth: Sequence[bool]) -> float:
    """Probability that a question whose answer is yes has a higher margin, log p(yes) - log p(no), than one whose answer is no.

    Ties count half. It is .5 for uninformative margins, and NaN if the references are all yes or all no.

    Raises:
        ValueError: there are no margins, one is not finite, or there is not one reference per margin.

    >>> auc([2.0, -1.0, 0.5, -3.0], [True, True, False, False])
    0.75
    """
    values, right = _checked(margins, truth)
    if right.all() or not right.any():
        return nan
    return float(_weighted_auc(values, right, np.ones((1, len(values))))[0])


def auc_shift(
    a: Sequence[float],
    b: Sequence[float],
    truth: Sequence[bool],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Shift | None:
    """Compare the AUC of two runs' margins on the same questions; None if the references are all yes or all no.

    The interval is a percentile bootstrap of whole images, both runs together. For the p-value the two runs' margins about an
    image are swapped, as ranks within their run (Bandos, Rockette and Gur 2005): a run may have larger margins throughout.

    Raises:
        ValueError: as in `auc`, or there is not one image per margin.
    """
    (before, right), (after, _) = _checked(a, truth), _checked(b, truth)
    if len(clusters) != len(right):
        raise ValueError(f"{len(clusters)} images for {len(right)} margins: allowed is one of each per question")
    if right.all() or not right.any():
        return None
    index, images = numbered(clusters)
    mean = auc(b, truth) - auc(a, truth)
    ranks = average_ranks([before, after]).ravel()
    differing = np.zeros(images, dtype=bool)
    differing[index[np.not_equal(*np.split(ranks, 2))]] = True
    if len(np.unique(index[before != after])) < FEW:
        return Shift(mean, nan, nan, nan)
    draws = []
    for times in image_draws(images, resamples, seed, size=len(right)):
        weights = times[:, index]
        draws.append(_weighted_auc(after, right, weights) - _weighted_auc(before, right, weights))
    low, high = np.nanquantile(np.concatenate(draws), [0.025, 0.975])

    def changes(swapped: NDArray[np.bool_]) -> Floats:
        kept = ~swapped[:, index]
        weights = np.concatenate([kept, ~kept], axis=1).astype(np.float64)  # of the first run
        twice = np.tile(right, 2)
        return (_weighted_auc(ranks, twice, 1 - weights) - _weighted_auc(ranks, twice, weights))[:, None]

    (p,) = label_swaps(changes, differing, size=2 * len(right), seed=seed)
    return Shift(mean, float(low), float(high), float(p))


def correct_at_rate(margins: Sequence[float], truth: Sequence[bool], rate: float) -> list[float]:
    """Score each question if the share `rate` of all questions, those with the highest margins, were answered with yes.

    Two runs at one rate differ in seeing only, as neither says yes more often. Questions with equal margins at the threshold
    share what is left of the rate: each of them is a yes with the same probability, and scores the expected value.

    Raises:
        ValueError: as in `auc`, or `rate` is not from 0 to 1.

    >>> correct_at_rate([2.0, -1.0, 0.5, -3.0], [True, True, False, False], 0.25)
    [1.0, 0.0, 1.0, 1.0]
    """
    values, right = _checked(margins, truth)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate {rate}: allowed is 0 to 1")
    levels, places, counts = np.unique(-values, return_inverse=True, return_counts=True)
    above = np.cumsum(counts) - counts  # questions with a higher margin
    shares = np.clip((rate * len(values) - above) / counts, 0, 1)[places.reshape(-1)]
    assert isclose(shares.sum(), rate * len(values), abs_tol=1e-6 * len(levels))
    return [float(value) for value in np.where(right, shares, 1 - shares)]


def calibration_error(confidence: Sequence[float], correct: Sequence[float], bins: int = BINS) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over equally wide bins, weighted by their questions.

    Bin i holds confidences above i / bins, up to and including (i + 1) / bins; 0 belongs to the first one.

    Raises:
        ValueError: there are no values, one is not from 0 to 1, lengths differ, or there is no bin.

    >>> round(calibration_error([0.9, 0.9, 0.6], [1, 0, 1]), 3)
    0.4
    """
    sure, hits = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if not sure.size or sure.shape != hits.shape or sure.ndim != 1 or bins < 1:
        raise ValueError(
            f"{sure.size} confidences, {hits.size} scores, {bins} bins: allowed is one score per confidence"
        )
    for name, values in (("confidence", sure), ("correct", hits)):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"{name}: allowed are values from 0 to 1")
    # Inner edges as numbers, because .7 * 10 is above 7.
    places = np.searchsorted(np.arange(1, bins) / bins, sure, side="left")
    gaps = np.bincount(places, weights=sure - hits, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def signature(unit: str = "image") -> str:
    """Describe what the values depend on, to be printed with them."""
    return (
        f"forced_choice|log-p:first-token-before-cut-off|ties:shared|brier:halved|log:nats|ece:{BINS}-equal-bins|unit:{unit}|"
        "p:sign-flips|auc-p:label-swaps-of-ranks|v:2"
    )


def _checked(margins: Sequence[float], truth: Sequence[bool]) -> tuple[Floats, NDArray[np.bool_]]:
    values, right = np.asarray(margins, dtype=np.float64), np.asarray(truth, dtype=bool)
    if values.ndim != 1 or not values.size or values.shape != right.shape:
        raise ValueError(f"{len(truth)} references for {len(margins)} margins: allowed is one per margin, at least one")
    if not np.isfinite(values).all():
        raise ValueError(f"margins must be finite, but number {int(np.argmin(np.isfinite(values)))} is not")
    return values, right


def _weighted_auc(values: Floats, right: NDArray[np.bool_], weights: Floats) -> Floats:
    """AUC under each row of weights, (draws, questions) -> (draws,); NaN where a class has no weight."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf))  # of questions with equal margins
    weights, yes = weights[:, order], right[order]
    above = np.add.reduceat(weights * yes, starts, axis=1)
    below = np.add.reduceat(weights * ~yes, starts, axis=1)
    won = (above * (np.cumsum(below, axis=1) - below / 2)).sum(1)
    total: Any = above.sum(1) * below.sum(1)
    result: Floats = np.divide(won, total, out=np.full(len(won), nan), where=total > 0)
    return result
