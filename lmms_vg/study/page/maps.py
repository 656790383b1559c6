"""Maps of attention in a few bytes: a level of lift per patch, deflated, as text.

Lift is attention over its mean in the patches that show image: 1 is even attention. Level 0 is no attention at all, as under a
knockout; the others are equal steps of log2 lift from 1/8 to 8, so that the middle one is exactly 1.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Doublings from the middle level to the highest.
DOUBLINGS = 3


def levels_of(maps: Any, visible: NDArray[np.bool_], levels: int) -> NDArray[np.uint8]:
    """Return the level of every patch, (layers, patches), 0 to levels - 1.

    Args:
        maps: (layers, patches), not negative, of any scale.
        visible: the patches that show image, (patches,).
        levels: number of levels, even.

    Raises:
        ValueError: `levels` is odd or beyond a byte, or a map has NaN, infinite or negative values.
    """
    if levels % 2 or not 4 <= levels <= 256:
        raise ValueError(f"{levels} levels: allowed is an even number from 4 to 256")
    values = np.asarray(maps, dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError("a map has NaN, infinite or negative values")
    mean = values[:, visible].mean(axis=1, keepdims=True) if visible.any() else np.zeros((len(values), 1))
    lift = np.divide(values, mean, out=np.zeros_like(values), where=mean > 0)
    with np.errstate(divide="ignore"):
        doublings = np.clip(np.log2(lift), -DOUBLINGS, DOUBLINGS)
    steps = np.rint((doublings / DOUBLINGS + 1) / 2 * (levels - 2)) + 1
    return np.where(values > 0, steps, 0).astype(np.uint8)


def packed(data: bytes) -> str:
    """Return bytes deflated (zlib's format) and as base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def unpacked(text: str) -> bytes:
    """Return what `packed` packed."""
    return zlib.decompress(base64.b64decode(text))


def kept_layers(layers: int, step: int, best: int) -> list[int]:
    """Return every `step`-th layer, and the best one."""
    return sorted({*range(0, layers, step), best})


def packed_maps(maps: Any, visible: NDArray[np.bool_], levels: int, layers: Sequence[int]) -> str:
    """Return the levels of these layers, packed."""
    return packed(levels_of(np.asarray(maps)[list(layers)], visible, levels).tobytes())
