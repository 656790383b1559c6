"""Intervals of means near 0 or 1, where a bootstrap has too few differing scores to resample.

A bootstrap of thirty right answers has an interval of no width. Wilson's interval is used instead, with the effective number
of independent questions, given the images they share and the weights of the mean.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics.clusters import Floats, checked, numbered
from lmms_vg.metrics.statistics.wilson import FEW, WeightedPart, weighted_n, wilson


class Interval(NamedTuple):
    """Ends of a confidence interval; both are NaN for a single cluster, which has no spread between clusters."""

    low: float
    high: float


def end_interval(parts: Sequence[WeightedPart], *, level: float = 0.95) -> Interval | None:
    """Return Wilson's interval of the weighted mean of the parts' means; None unless the scores are at an end.

    They are (`is_at_an_end`) if they are from 0 to 1 and fewer than ten images have one below 1, or fewer than ten one above 0.
    A single image has no such interval.

    Args:
        parts: scores as `events`, the image of each, and the weight of the part's mean.
        level: confidence, between 0 and 1.

    Raises:
        ValueError: as in `clusters.checked` for one of the parts.
    """
    values = [checked(part.events, part.clusters) for part in parts]
    together = np.concatenate(values)
    if together.min() < 0 or together.max() > 1:
        return None
    places, images = numbered([cluster for part in parts for cluster in part.clusters])
    if images < 2 or not is_at_an_end(together, places):
        return None
    below, above = _unlike(together, places)
    rarer = [part._replace(events=1 - of if below < above else of) for part, of in zip(parts, values, strict=True)]
    total = sum(part.weight for part in parts)
    mean = sum(part.weight / total * float(of.mean()) for part, of in zip(parts, values, strict=True))
    return Interval(*wilson(min(1.0, max(0.0, mean)), weighted_n(rarer), level=level))


def by_part(
    scores: Sequence[float] | Floats,
    clusters: Sequence[Hashable],
    parts: Sequence[Hashable] | None,
    weights: Mapping[Any, float] | None = None,
) -> list[WeightedPart]:
    """Divide questions into the parts that they are of.

    Args:
        scores: one per question.
        clusters: the image of each.
        parts: the part of each; None for a single part.
        weights: part -> weight; None if all parts weigh the same.
    """
    if parts is None:
        return [WeightedPart(scores, clusters, 1)]
    members: dict[Hashable, list[int]] = {}
    for place, part in enumerate(parts):
        members.setdefault(part, []).append(place)
    return [
        WeightedPart(
            [scores[place] for place in places],
            [clusters[place] for place in places],
            1 if weights is None else weights[part],
        )
        for part, places in members.items()
    ]


def is_at_an_end(values: Floats, places: NDArray[np.intp]) -> bool:
    """Return whether scores are from 0 to 1, and fewer than ten images have one below 1, or fewer than ten one above 0.

    Args:
        values: scores of questions.
        places: number of each question's image.
    """
    return bool(values.min() >= 0 and values.max() <= 1) and min(_unlike(values, places)) < FEW


def _unlike(values: Floats, places: NDArray[np.intp]) -> tuple[int, int]:
    """Numbers of images with a score below 1, and with one above 0."""
    return len(np.unique(places[values < 1])), len(np.unique(places[values > 0]))
