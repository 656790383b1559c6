"""Values by metric and layer with their intervals, and what an interval says about the paper's claim."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.statistics import percentile_interval
from lmms_vg.metrics.statistics.simultaneous import simultaneous

Floats = NDArray[np.float64]

#: Metric -> sign of medical minus COCO that the paper claims.
CLAIM = {"ar": -1, "kl": 1, "js": 1}

SAID = {1: "as claimed", -1: "opposite", 0: "not shown"}

#: Text in place of a missing interval.
UNKNOWN = "-"

#: Values are computed in single precision: what varies by less does not vary.
_PRECISION = 1e-6


class Band(NamedTuple):
    """Means and 95% intervals, each of shape (metrics, layers), metrics in the order of `CLAIM`."""

    mean: Floats
    low: Floats
    high: Floats

    def sign(self, metric: str, layer: int) -> int | None:
        """1 if the interval lies on the side that is claimed, -1 on the other, 0 if it contains 0; None without one."""
        place = list(CLAIM).index(metric), layer
        low, high = self.low[place], self.high[place]
        return None if np.isnan(low) else (int(low > 0) - int(high < 0)) * CLAIM[metric]

    def verdict(self, metric: str, layer: int) -> str:
        """Return the verdict in words."""
        sign = self.sign(metric, layer)
        return UNKNOWN if sign is None else SAID[sign]


def each_alone(mean: Any, drawn: Floats) -> Band:
    """Every value with an interval of its own, from its resamples (metrics x layers, resamples)."""
    low, high = percentile_interval(drawn)
    return Band(*(np.asarray(flat).reshape(len(CLAIM), -1) for flat in (mean, low, high)))


def all_together(means: Floats, drawn: Floats) -> list[Band]:
    """Bands (groups, metrics x layers) whose intervals, of all groups, metrics and layers, hold together."""
    low, high = simultaneous(means, drawn, least=_PRECISION)
    return [Band(*(flat.reshape(len(CLAIM), -1) for flat in group)) for group in zip(means, low, high, strict=True)]
