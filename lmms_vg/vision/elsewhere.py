"""Move a region to another place of the same image, so that what is done to the region can be done to another of its shape."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np


class Rect(NamedTuple):
    """A rectangle of whole cells (pixels or patches); x1 and y1 are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


def moved(region: Sequence[Rect], within: Rect, draw: Random) -> list[Rect] | None:
    """Move a region as one rigid shape to a place that shares no cell with it, drawn evenly from all such places.

    Args:
        region: rectangles inside `within`, at least one; together they are the region, and may overlap.
        within: where the whole region has to lie afterwards.
        draw: decides the place.

    Returns:
        The moved rectangles, in the same order; None if there is no such place.
    """
    left, top = within.x0 - min(part.x0 for part in region), within.y0 - min(part.y0 for part in region)
    right, bottom = within.x1 - max(part.x1 for part in region), within.y1 - max(part.y1 for part in region)
    allowed = np.ones((bottom - top + 1, right - left + 1), dtype=bool)  # [dy - top, dx - left]
    for rectangle in region:
        for other in region:
            # The first, moved by (dx, dy), shares a cell with the second exactly for these dx and dy.
            columns = slice(max(other.x0 - rectangle.x1 + 1 - left, 0), max(other.x1 - rectangle.x0 - left, 0))
            rows = slice(max(other.y0 - rectangle.y1 + 1 - top, 0), max(other.y1 - rectangle.y0 - top, 0))
            allowed[rows, columns] = False
    places = np.flatnonzero(allowed)
    if not len(places):
        return None
    row, column = divmod(int(places[draw.randrange(len(places))]), allowed.shape[1])
    dx, dy = column + left, row + top
    return [Rect(part.x0 + dx, part.y0 + dy, part.x1 + dx, part.y1 + dy) for part in region]
