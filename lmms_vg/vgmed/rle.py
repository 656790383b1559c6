"""Masks as COCO run lengths: a mask of 512 x 512 pixels takes some hundred bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from lmms_vg.vgmed.schema import CocoRle
from lmms_vg.vision.run_lengths import from_runs, runs_in, runs_of


def encode(mask: NDArray[np.bool_]) -> CocoRle:
    """Write a mask of (height, width) as run lengths."""
    height, width = mask.shape
    encoded = coco.frPyObjects({"size": [height, width], "counts": runs_in(mask)}, height, width)
    return CocoRle(size=(height, width), counts=encoded["counts"].decode())


def decode(rle: CocoRle) -> NDArray[np.bool_]:
    """Read a mask of (height, width) from run lengths.

    Raises:
        ValueError: the run lengths are none, or do not cover the mask exactly.
    """
    return from_runs(runs_of(rle.counts), rle.size)


def area(rle: CocoRle) -> int:
    """Return the number of the mask's pixels.

    Raises:
        ValueError: as `decode`.
    """
    return int(np.count_nonzero(decode(rle)))
