"""The maps that a journal keeps, as arrays for `metrics.nulls` and `metrics.placement`."""

from __future__ import annotations

import mmap
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record
from lmms_vg.journal.map_file import MapIndex, MapPlace
from lmms_vg.journal.map_lines import MapLine, patches_of
from lmms_vg.metrics.alignment import normalise
from lmms_vg.metrics.uniform import uniform
from lmms_vg.vision.patch_grid import Axis, Geometry

#: Largest deviation of values recomputed from kept maps from the record's: of AR as a share of it, of KL (nats) and JS.
TOLERANCE = 0.01


class KeptMaps(NamedTuple):
    """Maps of questions on one grid, in the order of `places`.

    Attributes:
        places: index of each question in the records that were asked for.
        layers: index of each layer.
        grid: rows and columns of patches.
        maps: (questions, layers, patches) float32, mapped from a file without a name: the question's map over the reference
            prompt's, over its largest value. No metric depends on that scale. Half precision would not do: where a reference
            prompt gives a patch nothing at all, all other patches are far below 2^-24 of that one.
        masks: (questions, patches) bool, the patches in a box.
        visible: (questions, patches) bool, the patches that show image.
        shares: (questions, layers), share of the question's attention that lies on images.
        geometries: how each image lies on the patches; None in maps of older versions.
    """

    places: NDArray[np.intp]
    layers: tuple[int, ...]
    grid: tuple[int, int]
    maps: NDArray[np.float32]
    masks: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    shares: NDArray[np.float32]
    geometries: tuple[Geometry | None, ...]

    def release(self) -> None:
        """Give the memory back that the maps take which were read; they stay in their file, and can be read again."""
        if isinstance(self.maps.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # Linux and macOS
            self.maps.base.madvise(mmap.MADV_DONTNEED)

    @property
    def kinds(self) -> list[tuple[tuple[int, int], bytes]]:
        """Grid and padding of each question: what must be alike for maps to be exchanged (`metrics.donors.MapOwner.kind`)."""
        return [(self.grid, np.packbits(visible).tobytes()) for visible in self.visible]


def kept_maps(
    folder: Path,
    records: Sequence[Record],
    layers: Sequence[int] | None = None,
    rows: str | None = None,
    view: int = 0,
) -> list[KeptMaps]:
    """Read the maps of a journal's records, those on one grid together; damaged and missing ones are left out.

    Args:
        folder: the journal.
        records: the records, in any order; those that measured nothing have no maps.
        layers: the layers to read; all by default.
        rows: the token rows that were averaged; None for the first selection of the run.
        view: which of the first image's views; the first is the measured one, and images may have no other.

    Raises:
        ValueError: a layer is not there.
    """
    index = MapIndex.of(folder)
    places = {
        i: place for i, record in enumerate(records) if (place := index.question(record.key, rows, view)) is not None
    }
    groups: dict[tuple[tuple[int, int], int], list[int]] = defaultdict(list)
    for i, place in places.items():
        groups[place.line.grid, place.line.layers].append(i)
    return [
        _read(index, {i: places[i] for i in members}, grid, _chosen(folder, depth, layers))
        for (grid, depth), members in groups.items()
    ]


def box_shares(folder: Path) -> dict[str, float]:
    """Return key of a record -> share of the visible patches that its boxes mark; no map is read."""
    index = MapIndex.of(folder)
    shares = {}
    for place in index.places.values():
        if (question := place.line.question) is not None:
            mask, visible = (patches_of(packed, place.line.grid) for packed in (question.mask, question.visible))
            shares[place.line.key] = float(mask.sum() / visible.sum())
    return shares


def geometry_of(line: MapLine) -> Geometry | None:
    """Return how the image of a map lies on its patches, as it was kept; None in maps of older versions."""
    if line.question is None or line.question.axes is None:
        return None
    (rows, cols), (x, y) = line.grid, line.question.axes
    return Geometry(Axis(x[0], cols, *x[1:]), Axis(y[0], rows, *y[1:]))


def even_looks(folder: Path, times: Mapping[str, int]) -> dict[str, float]:
    """Mean ar, kl and js of attention that is even over the visible image on the boxes of these records; empty without any.

    Args:
        folder: the journal.
        times: key of a record -> how often it counts.
    """
    index = MapIndex.of(folder)
    counts, weights = [], []
    for key, number in times.items():
        place = index.places.get((True, key))
        if place is not None and (question := place.line.question) is not None:
            mask, visible = (patches_of(packed, place.line.grid) for packed in (question.mask, question.visible))
            counts.append((mask.sum(), visible.sum(), mask.size))
            weights.append(number)
    if not counts:
        return {}
    even = uniform(*np.array(counts).T)
    return {name: float(np.average(getattr(even, name), weights=weights)) for name in ("ar", "kl", "js")}


def _chosen(folder: Path, depth: int, layers: Sequence[int] | None) -> tuple[int, ...]:
    chosen = tuple(range(depth) if layers is None else layers)
    if wrong := [layer for layer in chosen if not 0 <= layer < depth]:
        raise ValueError(f"{folder}: layer {wrong[0]}: allowed is 0 to {depth - 1}")
    return chosen


def _read(index: MapIndex, places: dict[int, MapPlace], grid: tuple[int, int], layers: tuple[int, ...]) -> KeptMaps:
    patches, wanted = grid[0] * grid[1], list(layers)
    good: list[int] = []
    shares: list[NDArray[np.float32]] = []
    rows: Any = np.empty((0, len(layers), patches), np.float32)
    with tempfile.TemporaryFile() as file:  # stays mapped, and disappears with the array
        references: dict[str, NDArray[np.float64] | None] = {}
        for (i, place), asked in zip(places.items(), index.maps([*places.values()]), strict=True):
            reference = index.reference(place)
            if reference.line.key not in references:
                (general,) = index.maps([reference])
                references = {reference.line.key: None if general is None else general.at(wanted).restored()}
            general_maps = references[reference.line.key]
            if asked is None or general_maps is None:
                continue
            ratio = normalise(asked.at(wanted).restored(), general_maps)
            largest = ratio.max(axis=-1, keepdims=True)
            file.write((ratio / np.where(largest > 0, largest, 1)).astype(np.float32).tobytes())
            good.append(i)
            shares.append(asked.share[wanted])
        file.flush()
        if good:
            rows = np.memmap(file, np.float32, "r", shape=(len(good), len(layers), patches))
    lines = [places[i].line.question for i in good]
    masks = [[patches_of(packed, grid).ravel() for packed in (q.mask, q.visible)] for q in lines if q is not None]
    marked = np.array(masks, dtype=bool).reshape(len(good), 2, patches)
    return KeptMaps(
        np.array(good, dtype=np.intp),
        layers,
        grid,
        rows,
        marked[:, 0],
        marked[:, 1],
        np.array(shares, dtype=np.float32).reshape(len(good), len(layers)),
        tuple(geometry_of(places[i].line) for i in good),
    )
