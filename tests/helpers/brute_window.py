"""ViCrop's window search written out: every window of every size, patch by patch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmms_vg.vision.patch_grid import Geometry

#: ratio, contrast, x0, y0, x1, y1
Candidate = tuple[float, float, int, int, int, int]


def candidates(values: np.ndarray, geometry: Geometry, base: int) -> list[Candidate]:
    """The best window of every size that can move; none if the smallest covers the whole visible image."""

    def seen(count: int, pixels: int, span: Any) -> list[int]:
        return [i for i in range(count) if min(span(i)[1], pixels) - max(span(i)[0], 0) > 1e-6]

    def across(col: int) -> tuple[float, float]:
        return geometry.patch_box(0, col)[0], geometry.patch_box(0, col)[2]

    def down(row: int) -> tuple[float, float]:
        return geometry.patch_box(row, 0)[1], geometry.patch_box(row, 0)[3]

    cols, rows = seen(geometry.cols, geometry.width, across), seen(geometry.rows, geometry.height, down)
    cell_x, cell_y = across(0)[1] - across(0)[0], down(0)[1] - down(0)[0]
    windows: list[Candidate] = []
    for ratio in (1.0, 1.2, 1.4, 1.6, 1.8, 2.0):
        wide = max(1, min(int(base * ratio / cell_x + 1e-9), len(cols)))
        tall = max(1, min(int(base * ratio / cell_y + 1e-9), len(rows)))
        if wide == len(cols) and tall == len(rows):
            if ratio == 1.0:
                return []
            continue
        sums = {}
        for left in range(len(cols) - wide + 1):
            for top in range(len(rows) - tall + 1):
                inside = [(r, c) for r in rows[top : top + tall] for c in cols[left : left + wide]]
                sums[left, top] = sum(float(values[cell]) for cell in inside)
        best = None
        for place, total in sums.items():
            if best is None or total > sums[best] + 1e-12 * abs(sums[best]):
                best = place
        assert best is not None
        left, top = best
        places = [(left - 1, top), (left + 1, top), (left, top - 1), (left, top + 1)]
        neighbours = [sums[place] for place in places if place in sums]
        contrast = (sums[best] - sum(neighbours) / len(neighbours)) / (wide * tall)
        x = int((across(cols[left])[0] + across(cols[left + wide - 1])[1]) / 2 + 1e-9)
        y = int((down(rows[top])[0] + down(rows[top + tall - 1])[1]) / 2 + 1e-9)
        half = int(base * ratio / 2 + 1e-9)
        spans = []
        for centre, pixels in ((x, geometry.width), (y, geometry.height)):
            low, high = centre - half, centre + half
            if low < 0:
                low, high = 0, 2 * half
            if high > pixels:
                low, high = pixels - 2 * half, pixels
            spans.append((max(low, 0), min(high, pixels)))
        windows.append((ratio, contrast, spans[0][0], spans[1][0], spans[0][1], spans[1][1]))
    return windows


def brute_search(values: np.ndarray, geometry: Geometry, base: int) -> tuple[tuple[int, int, int, int], float]:
    """Box and ratio."""
    best: Candidate | None = None
    for window in candidates(values, geometry, base):
        if best is None or window[1] > best[1]:
            best = window
    return ((0, 0, geometry.width, geometry.height), 1.0) if best is None else (best[2:], best[0])
