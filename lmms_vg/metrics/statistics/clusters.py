"""Scores grouped by cluster, which is the image of a question or another unit that questions share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Uid = TypeVar("Uid", bound=Hashable)

Floats = NDArray[np.float64]


def checked(scores: Sequence[float] | Floats, clusters: Sequence[Hashable]) -> Floats:
    """Return the scores as an array.

    Raises:
        ValueError: there are no scores, one is not finite, or there is not one cluster per score.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not values.size or len(values) != len(clusters):
        raise ValueError(
            f"scores of shape {values.shape} and {len(clusters)} clusters: allowed is one cluster per score, and at least one"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"scores must be finite, but number {int(np.argmin(np.isfinite(values)))} is not")
    return values


def numbered(clusters: Sequence[Hashable]) -> tuple[NDArray[np.intp], int]:
    """Return the number of each score's cluster, and how many clusters there are."""
    # Sorted by name: several ranks give questions in another order, which must not change a seeded interval.
    numbers = {cluster: number for number, cluster in enumerate(sorted(set(clusters), key=str))}
    return np.array([numbers[cluster] for cluster in clusters], dtype=np.intp), len(numbers)


def same_questions(a: Mapping[Uid, float], b: Mapping[Uid, float]) -> list[Uid]:
    """Return the questions in a's order.

    Raises:
        ValueError: the runs have different questions.
    """
    only_a, only_b = [uid for uid in a if uid not in b], [uid for uid in b if uid not in a]
    if only_a or only_b:
        parts = [f"{len(uids)} only in {run} ({first(uids)})" for run, uids in (("a", only_a), ("b", only_b)) if uids]
        raise ValueError(f"the runs have different questions, so they cannot be paired: {', '.join(parts)}")
    return list(a)


def first(uids: Sequence[Hashable]) -> str:
    """Return the first three names, for a message."""
    return ", ".join(map(str, uids[:3])) + (", ..." if len(uids) > 3 else "")
