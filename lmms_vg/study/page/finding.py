"""A finding of the page before it is judged, and how numbers stand in its sentence."""

from __future__ import annotations

from math import exp, isnan
from typing import NamedTuple

from lmms_vg.metrics.statistics.distributions import normal_quantile, normal_tail
from lmms_vg.runs.units import plural

_HIDDEN = "Patches are hidden there, in the maps of other images, too, so this is no verdict."


class TestedFinding(NamedTuple):
    """A finding, and how it is said.

    Attributes:
        text: a sentence.
        mean: what is above 0 if it holds.
        p: its p-value.
        enough: whether there can be a verdict: there are enough images, or patients, for an interval, and no patch is hidden.
    """

    text: str
    mean: float
    p: float
    enough: bool

    def unless(self, hidden: bool) -> TestedFinding:
        """Return the finding, without a verdict if patches are hidden in its layer."""
        return self._replace(text=f"{self.text} {_HIDDEN}", enough=False) if hidden else self


def normal_p(distance: float, low: float, high: float) -> float:
    """Two-sided p-value of a value against its null value, from the width of its 95% interval; 1 without an interval.

    For values that are no means of differences, so that signs of images cannot be flipped.
    """
    if isnan(low):
        return 1.0
    error = (high - low) / (2 * normal_quantile(0.975))
    return float(2 * normal_tail(abs(distance) / error)) if error else float(distance == 0)


def times(mean: float, low: float, high: float) -> str:
    """Return a ratio with its interval, from logarithms."""
    digits = 3 if abs(exp(mean) - 1) < 0.1 else 2  # where two would leave nothing to see
    return f"{exp(mean):.{digits}f} {ends(exp(low), exp(high), digits)} times"


def ends(low: float, high: float, digits: int) -> str:
    """Return an interval in brackets."""
    return "(too few for an interval)" if isnan(low) else f"[{low:.{digits}f}, {high:.{digits}f}]"


def counted(n: int, units: int, unit: str, what: str = "") -> str:
    """Numbers of questions, and of what is drawn as a whole, `image` or `patient`.

    >>> counted(4, 1, "image"), counted(1, 2, "image or patient", "medical ")
    ('4 questions, 1 image', '1 medical question, 2 images or patients')
    """
    return f"{n:,} {what}question{'s'[: n != 1]}, {units:,} {unit if units == 1 else plural(unit)}"
