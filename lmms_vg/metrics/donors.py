"""Choose the maps that a map is compared with: those of other images, or of other questions about the same image.

A donor is the number of a question whose map is laid over another question's box. Which ones are drawn depends on the names of
the questions and the seed only, not on their order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Donors = Sequence[NDArray[np.intp]]
"""Donors of each question; empty where there are too few."""

SWAPS = 20
FEWEST = 5
"""Number of other images below which their mean is uninformative."""


class MapOwner(NamedTuple):
    """The properties of a question that decide which maps may replace its own.

    Attributes:
        uid: name of the question.
        image: name of its image.
        unit: patient or volume that the image is of; the image where none is known.
        kind: what must be alike for maps to be exchanged: the grid, the padding, and whatever else the caller adds.
    """

    uid: str
    image: str
    unit: str
    kind: Hashable


def of_other_images(asked: Sequence[MapOwner], *, swaps: int = SWAPS, seed: int = 0) -> Donors:
    """Draw one question of each of `swaps` other images of the same kind, never of the same image or unit.

    If there are fewer other images, each gives one question; with fewer than five there are no donors. An image of several
    questions is drawn as often as one of a single question.

    Raises:
        ValueError: two questions have one name, an image belongs to two units, or `swaps` is below five.
    """
    if swaps < FEWEST:
        raise ValueError(f"swaps {swaps}: allowed is {FEWEST} or more")
    _check(asked)
    result = [np.empty(0, dtype=np.intp)] * len(asked)
    for members in _grouped(range(len(asked)), [question.kind for question in asked]):
        # Sorted by unit, so that a question's own unit is one run of images, which is left out by skipping over it.
        order = sorted(members, key=lambda i: (asked[i].unit, asked[i].image, asked[i].uid))
        images = _grouped(order, [question.image for question in asked])
        sizes = np.array([len(questions) for questions in images])
        starts = np.cumsum(sizes) - sizes
        numbers = np.array(order, dtype=np.intp)
        units = [asked[questions[0]].unit for questions in images]
        first = {unit: place for place, unit in reversed(list(enumerate(units)))}
        last = {unit: place for place, unit in enumerate(units)}
        for i in order:
            start, stop = first[asked[i].unit], last[asked[i].unit] + 1
            others = len(images) - (stop - start)
            if others < FEWEST:
                continue
            rng = np.random.default_rng([seed, crc32(asked[i].uid.encode())])
            drawn = rng.choice(others, min(swaps, others), replace=False, shuffle=False)
            drawn = np.where(drawn >= start, drawn + (stop - start), drawn)
            result[i] = numbers[starts[drawn] + (rng.random(len(drawn)) * sizes[drawn]).astype(np.intp)]
    return result


def of_same_image(asked: Sequence[MapOwner], masks: Any) -> Donors:
    """Return all other questions about the same image whose masks share no patch with this one's.

    Args:
        asked: the questions.
        masks: one per question, of any shape that `asked[i].kind` keeps the same within an image.

    Raises:
        ValueError: two questions have one name, or there is not one mask per question.
    """
    _check(asked)
    if len(masks) != len(asked):
        raise ValueError(f"{len(asked)} questions and {len(masks)} masks: allowed is one mask per question")
    result = [np.empty(0, dtype=np.intp)] * len(asked)
    for members in _grouped(range(len(asked)), [(question.kind, question.image) for question in asked]):
        marked = np.array([np.asarray(masks[i]).ravel() > 0 for i in members])
        disjoint = marked.astype(np.int64) @ marked.T.astype(np.int64) == 0
        for place, i in enumerate(members):
            result[i] = np.array(members, dtype=np.intp)[disjoint[place]]
    return result


def _grouped(members: Sequence[int], keys: Sequence[Hashable]) -> list[list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for i in members:
        groups.setdefault(keys[i], []).append(i)
    return list(groups.values())


def _check(asked: Sequence[MapOwner]) -> None:
    names: set[str] = set()
    units: dict[str, str] = {}
    for question in asked:
        if question.uid in names:
            raise ValueError(f"question {question.uid!r} is there twice: allowed is each question once")
        names.add(question.uid)
        if units.setdefault(question.image, question.unit) != question.unit:
            raise ValueError(
                f"image {question.image!r} belongs to {units[question.image]!r} and to {question.unit!r}: allowed is one unit"
            )
