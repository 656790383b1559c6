"""The two standard errors that lmms-eval prints beside a mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: The text that lmms-eval prints if there is no standard error.
NONE = "N/A"


def standard_errors(items: Sequence[Any], cluster_key: str | None) -> tuple[float | str, float | str]:
    """Return the standard errors of a metric's mean: for independent questions, and clustered.

    Clustered as in Miller 2024, arXiv 2411.00640, Equation 4.

    Args:
        items: the metric's items; those without a number are left out.
        cluster_key: field of an item that names its cluster.
    """
    scored = [(item, None) for item in items if isinstance(item, int | float)]
    scored += [(item["score"], item.get(cluster_key)) for item in items if isinstance(item, dict) and "score" in item]
    n = len(scored)
    if n < 2:
        return NONE, NONE
    scores = np.array([score for score, _ in scored], dtype=np.float64)
    independent = float(np.std(scores, ddof=1) / np.sqrt(n))
    clusters = {name: index for index, name in enumerate(dict.fromkeys(name for _, name in scored))}
    if len(clusters) == 1:
        return independent, NONE
    deviations = scores - scores.mean()
    sums = np.bincount([clusters[name] for _, name in scored], weights=deviations)
    return independent, float(np.sqrt(independent**2 + (sums @ sums - deviations @ deviations) / n**2))
