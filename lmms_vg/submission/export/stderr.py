"""The two standard errors that lmms-eval prints beside a mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

NONE = "N/A"
"""What lmms-eval has where there is none."""


def standard_errors(items: Sequence[Any], cluster_key: str | None) -> tuple[float | str, float | str]:
    """Of a metric's items: of independent questions, and clustered (Miller 2024, arXiv 2411.00640, Equation 4).

    ``cluster_key`` names the field by which items are clustered. Items without a number have no part in them.
    """
    found = [(item, None) for item in items if isinstance(item, int | float)]
    found += [(item["score"], item.get(cluster_key)) for item in items if isinstance(item, dict) and "score" in item]
    n = len(found)
    if n < 2:
        return NONE, NONE
    scores = np.array([score for score, _ in found], dtype=np.float64)
    independent = float(np.std(scores, ddof=1) / np.sqrt(n))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for _, name in found))}
    if len(numbers) == 1:
        return independent, NONE
    deviations = scores - scores.mean()
    sums = np.bincount([numbers[name] for _, name in found], weights=deviations)
    return independent, float(np.sqrt(independent**2 + (sums @ sums - deviations @ deviations) / n**2))
