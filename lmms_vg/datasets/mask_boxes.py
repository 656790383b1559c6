"""Segmentation masks as boxes: those that tile a mask, so that what takes boxes takes masks as well, and the one around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def tiles(labels: NDArray[np.uint8]) -> dict[int, list[list[float]]]:
    """Return value -> boxes (x1, y1, x2, y2 in pixels, ends exclusive) that cover exactly the pixels of this value.

    Boxes do not overlap. Rows that are alike share a box. The value 0, the background, is left out.

    Args:
        labels: (height, width); a pixel's value says what it belongs to.

    >>> tiles(np.array([[0, 7, 7], [0, 7, 7], [7, 0, 0]], np.uint8))
    {7: [[1.0, 0.0, 3.0, 2.0], [0.0, 2.0, 1.0, 3.0]]}
    """
    height, width = labels.shape
    starts = np.ones((height, width), dtype=bool)
    starts[:, 1:] = labels[:, 1:] != labels[:, :-1]
    rows, lefts = np.nonzero(starts)
    rights = np.append(lefts[1:], 0)
    rights[rights == 0] = width  # the next run begins a row, so this one ends at the edge
    values = labels[rows, lefts]
    boxes: dict[int, list[list[float]]] = {}
    above: dict[tuple[int, int, int], list[float]] = {}
    row, below = -1, dict(above)
    shown = values != 0
    for y, left, right, value in zip(
        rows[shown].tolist(), lefts[shown].tolist(), rights[shown].tolist(), values[shown].tolist(), strict=True
    ):
        if y != row:
            above, below = (below if y == row + 1 else {}), {}
            row = y
        box = above.get((left, right, value))
        if box is None:
            box = [float(left), float(y), float(right), float(y)]
            boxes.setdefault(value, []).append(box)
        box[3] = float(y + 1)
        below[left, right, value] = box
    return boxes


def tight(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Return the smallest box around the pixels of a mask: x1, y1, x2, y2 in pixels, ends exclusive; None for no pixels.

    Args:
        mask: (height, width).

    >>> tight(np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0]], bool))
    (0, 1, 2, 3)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def covered(boxes: Iterable[Sequence[int]], height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels that lie in a box, (height, width)."""
    inside = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in boxes:
        inside[y1:y2, x1:x2] = True
    return inside


def bounds(boxes: list[list[float]]) -> list[float]:
    """Return the smallest box around boxes.

    >>> bounds([[1, 0, 3, 2], [0, 2, 1, 3]])
    [0, 0, 3, 3]
    """
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return [min(x1), min(y1), max(x2), max(y2)]


def overlap(first: list[float], second: list[float]) -> float:
    """Return the intersection over union of two boxes, 0 to 1; NaN if one of them has a corner that is no number.

    >>> overlap([0, 0, 2, 2], [1, 0, 3, 2])
    0.3333333333333333
    """
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return shared / (areas - shared) if areas > shared else float("nan")
