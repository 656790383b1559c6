"""Agreement of raters: Krippendorff's alpha for ordered levels, and the share of equal pairs.

At a ceiling the two tell different things: where nearly every rating is 5, raters who do not look agree in nearly all pairs, at
an alpha of 0. Both are therefore given, and both are computed on all ratings, before any question is dropped.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVELS = 5  # ratings are 1 to 5

_INSTALL = "krippendorff is not installed: run pip install 'lmms-vg[vgmed]'"


class Agreement(NamedTuple):
    """Agreement of several ratings of the same questions.

    Attributes:
        alpha: Krippendorff's alpha, ordinal: 1 is perfect, 0 is what chance gives; None where it is undefined, as all ratings
            are equal or no question has two.
        percent: percentage of pairs of ratings of one question that are equal; None where no question has two.
        questions: number of questions with at least two ratings.
        ratings: number of ratings of these.
    """

    alpha: float | None
    percent: float | None
    questions: int
    ratings: int


def agreement(ratings: NDArray[np.integer]) -> Agreement:
    """Return how far raters agree on one scale.

    Args:
        ratings: (raters, questions), 1 to 5, and 0 where a rater has not rated.

    Raises:
        ValueError: a rating is none of these, or krippendorff is not installed.
    """
    if ratings.size and not 0 <= ratings.min() <= ratings.max() <= LEVELS:
        raise ValueError(f"ratings from {ratings.min()} to {ratings.max()}: allowed are 1 to {LEVELS}, and 0 for none")
    counts = np.stack([(ratings == level).sum(axis=0) for level in range(1, LEVELS + 1)], axis=1)
    counts = counts[counts.sum(axis=1) >= 2]
    sizes = counts.sum(axis=1)
    if not len(counts):
        return Agreement(None, None, 0, 0)
    equal, pairs = (counts * (counts - 1)).sum(), (sizes * (sizes - 1)).sum()
    return Agreement(_alpha(counts), float(100 * equal / pairs), len(counts), int(sizes.sum()))


def signature() -> str:
    """Describe how agreement is computed, to be printed with it."""
    return f"krippendorff:{version('krippendorff')}|level:ordinal|percent:equal pairs|ratings:before dropping"


def _alpha(counts: NDArray[np.integer]) -> float | None:
    if (counts.sum(axis=0) > 0).sum() < 2:  # no two levels: nothing that chance could have got wrong
        return None
    try:
        import krippendorff
    except ImportError as problem:
        raise ValueError(_INSTALL) from problem
    levels = [*range(1, LEVELS + 1)]
    return float(krippendorff.alpha(value_counts=counts, value_domain=levels, level_of_measurement="ordinal"))
