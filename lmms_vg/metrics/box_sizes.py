"""Ranges of box sizes, within which questions are compared, as most measures of a look depend on the size of the box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Shares of the visible image at which a range ends, and the names of the ranges.
EDGES = (0.01, 0.05, 0.1, 0.3)
SIZES = ("below 1%", "1 to 5%", "5 to 10%", "10 to 30%", "above 30%")


def size_of(shares: Any) -> NDArray[np.intp]:
    """Return the number of the range in `SIZES` of shares, of any shape; a range holds its lower end.

    >>> [SIZES[number] for number in size_of([0.004, 0.05, 1])]
    ['below 1%', '5 to 10%', 'above 30%']
    """
    numbers: NDArray[np.intp] = np.digitize(shares, EDGES)
    return numbers
