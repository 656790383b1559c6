"""Intervals that hold for many means at once, such as those of all layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmms_vg.metrics.statistics.clusters import Floats


class SimultaneousBand(NamedTuple):
    """Ends of the intervals, in the shape of the means; NaN without resamples."""

    low: Floats
    high: Floats


def simultaneous(means: Floats, drawn: Floats, *, level: float = 0.95, least: float = 0.0) -> SimultaneousBand:
    """Intervals of which all hold together with probability `level`, from joint resamples.

    Each is its mean plus or minus the same number of its own standard errors: the quantile, over resamples, of the largest
    distance of any mean in standard errors ("max-t", Davison and Hinkley, "Bootstrap Methods", 1997, Section 4.2.4 on
    pivots). Means that move together, as those of neighbouring layers do, cost little.

    Args:
        means: of any shape.
        drawn: their resamples, (*means.shape, resamples), drawn together.
        level: confidence, between 0 and 1.
        least: what an interval reaches to either side at least, where values have no more precision than that.

    Raises:
        ValueError: shapes do not fit.
    """
    if drawn.shape[:-1] != means.shape:
        raise ValueError(f"means of shape {means.shape} and resamples of shape {drawn.shape}: allowed is one more axis")
    if drawn.shape[-1] < 2 or not means.size:
        unknown = np.full(means.shape, np.nan)
        return SimultaneousBand(unknown, unknown.copy())
    error = drawn.std(axis=-1, ddof=1)
    distance = np.divide(
        np.abs(drawn - means[..., None]), error[..., None], out=np.zeros_like(drawn), where=error[..., None] > 0
    )
    furthest = distance.reshape(-1, drawn.shape[-1]).max(axis=0)
    reach = np.maximum(float(np.quantile(furthest, level)) * error, least)
    return SimultaneousBand(means - reach, means + reach)
