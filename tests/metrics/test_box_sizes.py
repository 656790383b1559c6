"""Ranges of box sizes: one name more than ends, and a share belongs to the range that it begins."""

from __future__ import annotations

import doctest

from lmms_vg.metrics import box_sizes
from lmms_vg.metrics.box_sizes import EDGES, SIZES, size_of


def test_every_edge_begins_the_next_range():
    assert len(SIZES) == len(EDGES) + 1
    assert size_of([0, *EDGES, 1]).tolist() == [0, 1, 2, 3, 4, 4]
    assert size_of([[edge - 1e-9 for edge in EDGES]]).tolist() == [[0, 1, 2, 3]]


def test_docstring_examples():
    assert doctest.testmod(box_sizes).failed == 0
