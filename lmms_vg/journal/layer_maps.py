"""Maps of attention as a journal keeps them: heads averaged, half precision, and what they are maps of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: The mapping of an image to its patches: along x, and along y, the numbers of pixels, scale, shift and unit of a
#: `vision.patch_grid.Axis`: patch = (pixel * scale + shift) / unit.
ImageAxes: TypeAlias = tuple[tuple[int, int, int, int], tuple[int, int, int, int]]

_SMALLEST = np.float16(2.0**-24)


def further_key(key: str, rows: str | None = None, view: int = 0) -> str:
    """Return the key of maps that a run keeps besides those that it measures, which have the record's own key.

    A reader that knows of one map per question finds that one, and passes over the others.

    Args:
        key: key of the record, or of the reference prompt.
        rows: the selection of token rows; None for the run's first one.
        view: which of the first image's views; the first is the measured one.
    """
    return "+".join([key, *([rows] if rows else []), *([f"view{view}"] if view else [])])


class LayerMaps(NamedTuple):
    """The maps of one prompt, one per layer.

    Attributes:
        cells: (layers, patches) float16, each layer's map over its largest value; all 0 where that is 0.
        largest: (layers,) float32, that value.
        share: (layers,) float32, the share of the attention of the watched rows that lies on patches of images, of all views
            and all images together; the rest goes to text.
    """

    cells: NDArray[np.float16]
    largest: NDArray[np.float32]
    share: NDArray[np.float32]

    @classmethod
    def of(cls, maps: NDArray[Any], share: NDArray[Any]) -> LayerMaps:
        """Keep maps, (layers, patches) of finite values that are not negative.

        What is above 0 stays above 0, at 2^-24 of the largest value or more: a map may be divided by, and KL takes its
        logarithm.
        """
        largest = maps.max(axis=-1)
        shares = maps / np.where(largest > 0, largest, 1)[:, None]
        cells = np.where(maps > 0, np.maximum(shares.astype(np.float16), _SMALLEST), np.float16(0))
        return cls(cells, largest.astype(np.float32), share.astype(np.float32))

    def at(self, layers: list[int]) -> LayerMaps:
        """Return the maps of these layers."""
        return LayerMaps(self.cells[layers], self.largest[layers], self.share[layers])

    def restored(self) -> NDArray[np.float64]:
        """Return the maps, (layers, patches); each value is right within 1/2000 of itself, or 2^-24 of the largest."""
        return self.cells.astype(np.float64) * self.largest.astype(np.float64)[:, None]


@dataclass(frozen=True, eq=False)
class ReferenceMap:
    """The maps of a reference prompt about an image.

    Attributes:
        key: hash of the images and of the prompt; of what the run does not measure, the `further_key`.
        grid: rows and columns of patches.
        maps: the maps.
    """

    key: str
    grid: tuple[int, int]
    maps: LayerMaps


@dataclass(frozen=True, eq=False)
class QuestionMap:
    """The maps of a question on the pass that answered it, and what they are compared with.

    Attributes:
        key: content key of the question's record; of what the run does not measure, the `further_key`.
        image: hashes of the images, joined by "+", as in the record.
        rows: token rows that were averaged: last, question or all.
        view: which of the first image's views the patches belong to.
        mask: (rows, cols) bool, the patches that a box overlaps.
        visible: (rows, cols) bool, the patches that show image and not only padding.
        maps: the maps.
        reference: the maps of the reference prompt.
        axes: how the image lies on the patches; None in maps of older versions.
    """

    key: str
    image: str
    rows: str
    view: int
    mask: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    maps: LayerMaps
    reference: ReferenceMap
    axes: ImageAxes | None = None
