"""The layer at which a look is judged: named, or chosen on the images of the other half.

Images fall into two halves by a hash of their name, the same in all runs. The layer of each half is the one of lowest mean KL
over the questions of the other half. Where a half has no questions, the layer is chosen on what it is judged on: in-sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.metrics.alignment import best_layer


class LayerChoice(NamedTuple):
    """A layer for the images of each half, from 0, and how it was chosen."""

    halves: tuple[int, int]
    how: Literal["named", "other half", "in-sample"]

    @property
    def layers(self) -> list[int]:
        """The layers that are needed, one or two."""
        return sorted(set(self.halves))

    @property
    def in_sample(self) -> bool:
        """Whether the layer was chosen on the questions that it is judged on."""
        return self.how == "in-sample"

    def at(self, image: str) -> int:
        """Return the layer of an image."""
        return self.halves[half_of(image)]

    def __str__(self) -> str:
        layers = " or ".join(map(str, self.layers))
        return layers if self.how == "named" else f"{layers} ({self.how})"


def named(layer: int) -> LayerChoice:
    """One layer for all images."""
    return LayerChoice((layer, layer), "named")


def on_the_other_half(kl: NDArray[np.float64], images: Sequence[str]) -> LayerChoice:
    """Choose a layer for each half.

    Args:
        kl: KL of every question at every layer, (questions, layers).
        images: image of each question.

    Raises:
        ValueError: as in `alignment.best_layer`.
    """
    half = np.array([half_of(image) for image in images])
    if half.all() or not half.any():
        layer = best_layer(kl)
        return LayerChoice((layer, layer), "in-sample")
    return LayerChoice((best_layer(kl[half == 1]), best_layer(kl[half == 0])), "other half")


def half_of(image: str) -> int:
    """Return 0 or 1 for the name of an image.

    >>> half_of("a"), half_of("b")
    (1, 0)
    """
    return hashlib.sha256(f"half {image}".encode()).digest()[0] & 1
