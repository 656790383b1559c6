"""Windows: which values of a CT, MR or other scan become black and white.

A window is a centre and a width in the scan's own values (Hounsfield units in CT): values from `centre - width / 2` to
`centre + width / 2` become 0 to 255 linearly, and all others black or white (DICOM PS3.3, C.11.2.1.3.2, LINEAR_EXACT).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg._util.error_codes import BadImage
from lmms_vg._util.suggest import suggest

#: Percentiles of a whole volume that become black and white where no window is stated.
PERCENTILES = (0.5, 99.5)


class GreyWindow(NamedTuple):
    """Centre and width in the scan's values; the width is positive."""

    centre: float
    width: float


#: Common windows of CT by name, in Hounsfield units.
WINDOWS = {
    "lung": GreyWindow(-600, 1500),
    "soft tissue": GreyWindow(40, 400),
    "bone": GreyWindow(400, 1800),
    "brain": GreyWindow(40, 80),
}

_ALLOWED = (
    f"allowed is [centre, width] in the scan's values with a positive width, or {', '.join(map(repr, WINDOWS))}; "
    "for DICOM also the number of one of the file's own windows, from 0"
)


def window_of(value: Any) -> GreyWindow | int | None:
    """Read a window as a file of questions states it.

    Args:
        value: [centre, width], a name of `WINDOWS`, the number (from 0) of one of a DICOM file's own windows, or None.

    Raises:
        BadImage: it is none of these.

    >>> window_of("lung"), window_of([40, 400]), window_of(1)
    (GreyWindow(centre=-600, width=1500), GreyWindow(centre=40.0, width=400.0), 1)
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and value in WINDOWS:
        return WINDOWS[value]
    if isinstance(value, list) and len(value) == 2 and all(type(number) in (int, float) for number in value):
        window = GreyWindow(*map(float, value))
        if all(map(math.isfinite, window)) and window.width > 0:
            return window
    raise BadImage(f"window {value!r}: {suggest(value, WINDOWS) if isinstance(value, str) else ''}{_ALLOWED}")


def percentile_window(values: NDArray[Any]) -> GreyWindow:
    """Return the window from the 0.5th to the 99.5th percentile of finite values, so that few bright voxels do not darken all.

    Raises:
        BadImage: no value is finite.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise BadImage("none of its values is a finite number")
    low, high = (float(end) for end in np.percentile(finite, PERCENTILES))
    return GreyWindow((low + high) / 2, max(high - low, 1e-30))


def grey(values: NDArray[Any], window: GreyWindow) -> NDArray[np.uint8]:
    """Values as 8-bit grey of the same shape.

    Raises:
        BadImage: a value is NaN or infinite, which has no grey.
    """
    lost = int((~np.isfinite(values)).sum())
    if lost:
        raise BadImage(f"{lost:,} of {values.size:,} pixels are NaN or infinite; replace them by a number")
    share = (values.astype(np.float64) - window.centre) / window.width + 0.5
    return (np.clip(share, 0, 1) * 255).round().astype(np.uint8)
