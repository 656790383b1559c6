"""The time in which a GPU is busy, by hand and by counting."""

from __future__ import annotations

import random

from benchmarks.gpu.idle import busy


def test_kernels_that_overlap_count_once() -> None:
    assert busy([(5, 7), (0, 2), (1, 3), (1, 2)]) == 5
    assert busy([]) == 0


def test_against_counting_ticks() -> None:
    draw = random.Random(0)
    for _ in range(50):
        kernels = [(start, start + draw.randint(0, 9)) for start in (draw.randint(0, 40) for _ in range(8))]
        assert busy(kernels) == len({tick for start, end in kernels for tick in range(start, end)})
