"""Scores of attention that is spread evenly over the image, in closed form: a level to compare raw values with.

KL and JS of such attention depend on the size of the box alone, so both differ between sets of different box sizes even for
a model with even attention. The level only helps to read a value; the swap null of `nulls` judges it.

Shapes: all arguments broadcast against each other, and the result has the shape that they have together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lmms_vg.metrics.alignment import Alignment


def uniform(inside: Any, visible: Any, patches: Any) -> Alignment:
    """Values of attention that is even over the visible patches and zero on the others, for a mask of whole patches.

    With m patches in the mask, v visible, N in all, and s = m/v: AR is N/v, KL is ln(v/m), and JS is
    ln(2/(1 + s))/2 + [s ln(2s/(1 + s)) + (1 - s) ln 2]/2. `alignment` clips KL and guards JS, and so agrees within 1e-5.

    Args:
        inside: patches in the mask, all of them visible.
        visible: patches that show image and no padding; `patches` for even attention over the padding too.
        patches: patches of the grid.

    Raises:
        ValueError: not 0 < inside <= visible <= patches.

    >>> [float(value) for value in uniform(1, 2, 4)]  # doctest: +ELLIPSIS
    [2.0, 0.5, 0.693..., 0.215...]
    """
    m, v, n = np.broadcast_arrays(*(np.asarray(count, dtype=np.float64) for count in (inside, visible, patches)))
    if not ((m > 0) & (m <= v) & (v <= n)).all():
        raise ValueError(
            f"patches inside {inside!r}, visible {visible!r}, in all {patches!r}: "
            "allowed is 0 < inside <= visible <= all; is the mask empty, or does it cover padding?"
        )
    s = m / v
    js = (np.log(2 / (1 + s)) + s * np.log(2 * s / (1 + s)) + (1 - s) * np.log(2)) / 2
    return Alignment(ar=n / v, printed_ar=1 / v, kl=np.log(v / m), js=js)
