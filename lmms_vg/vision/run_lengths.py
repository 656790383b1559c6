"""COCO's run lengths of a mask: numbers, or the text that pycocotools makes of them.

Reading the text is our own: pycocotools' `decode` leaves the pixels that the runs do not reach as they lie in memory, and the
run lengths come from files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FIRST, _LAST = 48, 111  # the characters of the digits: 5 bits and one that says whether more follow


def from_runs(runs: Sequence[int], size: Sequence[int]) -> NDArray[np.bool_]:
    """Make a mask of (height, width) of the lengths of its runs of 0, 1, 0, ... down the columns from the top left.

    Raises:
        ValueError: they do not cover the mask exactly, or are no lengths.
    """
    if not all(type(number) is int and number >= 0 for number in [*runs, *size]) or len(size) != 2:
        raise ValueError("run lengths: allowed are whole numbers from 0, and a size of [height, width]")
    if sum(runs) != size[0] * size[1]:
        raise ValueError(
            f"the runs of the mask add up to {sum(runs)} pixels; the image has {size[0] * size[1]} ({size[1]} x {size[0]})"
        )
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size, order="F")


def runs_in(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of 0, 1, 0, ... down the columns of a mask of (height, width), from the top left.

    Only the columns that hold a 1 are looked through, as most masks are small.

    >>> runs_in(np.array([[0, 1, 1], [0, 1, 0]], bool))
    [2, 3, 1]
    """
    height = mask.shape[0]
    columns = np.flatnonzero(mask.any(axis=0))
    if not columns.size:
        return [mask.size]
    left, right = int(columns[0]), int(columns[-1]) + 1
    pixels = np.zeros((right - left) * height + 2, bool)  # between two that are 0
    pixels[1:-1] = mask[:, left:right].ravel(order="F")
    ends = (np.flatnonzero(pixels[1:] != pixels[:-1]) + left * height).tolist()
    runs = [end - start for start, end in zip([0, *ends], [*ends, mask.size], strict=True)]
    return runs if runs[-1] else runs[:-1]


def runs_of(counts: str) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ... down the columns from the top left, as a text has them.

    Raises:
        ValueError: the text holds no numbers.
    """
    runs: list[int] = []
    for number in _numbers(counts):
        runs.append(
            number + (runs[-2] if len(runs) > 2 else 0)
        )  # from the fourth on, the change since the last but one
    return runs


def _numbers(text: str) -> list[int]:
    numbers, value, bits = [], 0, 0
    for character in text:
        digit = ord(character) - _FIRST
        if not 0 <= digit <= _LAST - _FIRST:
            raise ValueError(f"the runs of the mask hold {character!a}, which COCO's compressed run lengths do not use")
        value |= (digit & 31) << bits
        bits += 5
        if not digit & 32:
            numbers.append(value - (1 << bits) if digit & 16 else value)
            value, bits = 0, 0
    if bits:
        raise ValueError("the runs of the mask end in the middle of a number; the text was cut")
    return numbers
