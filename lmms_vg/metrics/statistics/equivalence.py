"""The largest difference that a non-significant result leaves open, and whether two runs are shown to be equal."""

from __future__ import annotations

from math import isnan
from typing import Literal

from lmms_vg.metrics.statistics.difference import Difference
from lmms_vg.metrics.statistics.distributions import normal_quantile, t_quantile
from lmms_vg.metrics.statistics.wilson import FEW

Equal = Literal["yes", "no", "cannot tell"]


def smallest_detectable(difference: Difference, *, level: float = 0.05, power: float = 0.8, tests: int = 1) -> float:
    """Return the smallest true difference that a test on these questions would find with this power.

    It is (z of 1 - level / 2 / tests + z of power) standard errors (Bloom 1995): a normal approximation from the clustered
    standard error. NaN for a single image.

    Args:
        difference: the comparison.
        level: of the two-sided test.
        power: probability to find it.
        tests: number of comparisons that the level is divided by.
    """
    return float((normal_quantile(1 - level / 2 / tests) + normal_quantile(power)) * difference.error)


def equal_within(difference: Difference, margin: float, *, level: float = 0.05) -> Equal:
    """Test whether two runs are equal within a margin (two one-sided tests, Schuirmann 1987).

    "yes" if both tests show that the difference is smaller than the margin, "no" if one shows that it is larger. The standard
    error is the clustered one, with as many degrees of freedom as there are images with a difference, less one.

    Args:
        difference: the comparison.
        margin: largest difference that does not matter, above 0.
        level: of each one-sided test.

    Raises:
        ValueError: the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin {margin!r}: allowed is a number above 0")
    if isnan(difference.error):
        return "cannot tell"
    # Below ten images the standard error comes from Wilson's bound, which is a normal one.
    few = difference.images < FEW
    quantile = float(normal_quantile(1 - level)) if few else t_quantile(1 - level, difference.images - 1)
    reach = quantile * difference.error
    if abs(difference.mean) + reach < margin:
        return "yes"
    return "no" if abs(difference.mean) - reach > margin else "cannot tell"
