"""The maps that a blind study compares: those of two runs on the same questions, and two controls made of the plain maps.

A method that hides patches leaves holes in its map, and a map with holes looks tidier than one without, whatever it shows.
`cut` is the plain map with as many holes where it is lowest, `random` the plain map with as many holes anywhere: a preference
for the method over `cut` cannot come from the holes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record, read_records
from lmms_vg.metrics.alignment import kl_divergence
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.runs.results import Run
from lmms_vg.vision.patch_grid import Geometry

#: The arms that have as many holes as the method's map.
CONTROL_ARMS = frozenset({"cut", "random"})

#: Arm -> what it is.
ARMS = {
    "plain": "the map of the plain run",
    "method": "the map of the method's run",
    "cut": "the plain map without its lowest patches, as many as the method hides",
    "random": "the plain map without random patches, as many as the method hides",
}


class RunMap(NamedTuple):
    """A question's maps in one run.

    Attributes:
        maps: (layers, patches), of any scale.
        grid: rows and columns of patches.
        mask: the patches in a box.
        visible: the patches that show image.
        geometry: how the image lies on the patches; None in maps of older versions.
    """

    maps: NDArray[np.float32]
    grid: tuple[int, int]
    mask: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    geometry: Geometry | None = None


def run_maps(run: Run, task: str) -> dict[str, RunMap]:
    """Return uid -> maps of a task's questions.

    Raises:
        ValueError: the run's journal, or its maps, are not on this machine.
    """
    folder = journal_of(run)
    if folder is None:
        raise ValueError(
            f"{run.path}: its journal is not on this machine, and the maps are there; copy it, or run again"
        )
    records = _last(folder, task)
    by_uid = {
        records[place].uid: RunMap(maps, kept.grid, mask, visible, geometry)
        for kept in kept_maps(folder, records)
        for place, maps, mask, visible, geometry in zip(
            *(kept.places, kept.maps, kept.masks, kept.visible, kept.geometries), strict=True
        )
    }
    if not by_uid:
        raise ValueError(
            f"{run.path}: its journal keeps no maps of task {task!r}; allowed is a measurement task that it ran"
        )
    return by_uid


def _last(folder: Path, task: str) -> list[Record]:
    read = read_records(sorted(folder.glob("rank*.jsonl")))
    return [*{record.uid: record for record in read if record.task == task and record.alignment is not None}.values()]


def lowest_kl(maps: Mapping[str, RunMap]) -> int:
    """Return the layer of the lowest mean KL, which the paper takes for the one that grounds."""
    return int(np.mean([kl_divergence(kept.maps, kept.mask) for kept in maps.values()], axis=0).argmin())


def hiding_layers(maps: Mapping[str, RunMap]) -> list[int]:
    """Return the layers in which a method hides patches, so that they have no attention at all."""
    hidden = np.any([(kept.maps[:, kept.visible] == 0).any(axis=1) for kept in maps.values()], axis=0)
    return np.flatnonzero(hidden).tolist()


def lifts(plain: RunMap, method: RunMap, layer: int, arms: Sequence[str], rng: np.random.Generator) -> dict[str, Any]:
    """Return arm -> lift of every patch, (patches,): attention over its mean in the patches that show image.

    Raises:
        ValueError: the runs have other grids.
    """
    if plain.grid != method.grid or not np.array_equal(plain.visible, method.visible):
        raise ValueError(f"grids {plain.grid} and {method.grid}: the two runs see the image on different patches")
    seen = np.flatnonzero(plain.visible)
    own, other = plain.maps[layer].astype(np.float64), method.maps[layer].astype(np.float64)
    holes = int((other[seen] == 0).sum())
    lowest, drawn = seen[np.argsort(own[seen], kind="stable")[:holes]], rng.permutation(seen)[:holes]
    attention = {"plain": own, "method": other, "cut": _without(own, lowest), "random": _without(own, drawn)}
    return {arm: _lift(attention[arm], seen) for arm in arms}


def _without(values: NDArray[np.float64], holes: NDArray[np.intp]) -> NDArray[np.float64]:
    left = values.copy()
    left[holes] = 0
    return left


def _lift(values: NDArray[np.float64], seen: NDArray[np.intp]) -> NDArray[np.float64]:
    mean = values[seen].mean()
    return values / mean if mean > 0 else values
