"""SVG with attributes and classes only, so that a strict content policy allows it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike


def add(parent: ElementTree.Element, tag: str, text: str = "", kind: str = "", **attributes: str) -> None:
    """Add an element; `kind` is its classes."""
    ElementTree.SubElement(parent, tag, {**attributes, **({"class": kind} if kind else {})}).text = text or None


def stretches(*rows: ArrayLike) -> Iterator[list[int]]:
    """Yield the runs of neighbouring places at which all rows have a number.

    >>> list(stretches([1, 2, float("nan"), 4], [1, 2, 3, 4]))
    [[0, 1], [3]]
    """
    run: list[int] = []
    known = np.asarray(np.isfinite(np.array(rows, dtype=np.float64)).all(axis=0), dtype=np.bool_)
    for place, is_known in enumerate(known):
        if is_known:
            run.append(place)
        elif run:
            yield run
            run = []
    if run:
        yield run
