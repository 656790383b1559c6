"""What a run's kept maps say of every question at every layer, beside what maps of other images have on the same box.

Several grids are measured apart and put together. Nothing is judged here: `grounding` and `reproduce.domain_gap` do that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record, read_records
from lmms_vg.metrics import donors, nulls, placement
from lmms_vg.metrics.uniform import uniform
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import KeptMaps, box_shares, kept_maps
from lmms_vg.runs.results import Run

Name = Literal["log AR", "KL", "JS", "placement"]

#: Measure -> 1 where more is better, -1 where less is.
BETTER: dict[Name, int] = {"log AR": 1, "KL": -1, "JS": -1, "placement": 1}

#: Placement of a box that is like any other place.
CHANCE = 0.5

Floats = NDArray[np.float64]


class MapLooks(NamedTuple):
    """Questions of one task that have maps, in any order.

    Attributes:
        asked: number of questions with measured attention; fewer may have maps.
        uids: names of the questions.
        images: image of each.
        layers: the layers that were read, from 0.
        grids: rows and columns of patches of each question.
        shares: share of the visible patches that the box marks, (questions,).
        even: AR, KL and JS of attention that is even over the visible patches, (3, questions).
        value: measure -> (questions, layers).
        level: measure -> the mean of what maps of other images have on the same box, (questions, layers); .5 for placement,
            NaN where there are too few other images.
        hidden: whether a patch has no attention at all in any question's map of a layer, as under a knockout, (layers,).
    """

    asked: int
    uids: list[str]
    images: list[str]
    layers: tuple[int, ...]
    grids: list[tuple[int, int]]
    shares: Floats
    even: Floats
    value: dict[Name, Floats]
    level: dict[Name, Floats]
    hidden: NDArray[np.bool_]


def map_looks(
    run: Run, layers: Mapping[str, Sequence[int] | None], measures: Sequence[Name] = tuple(BETTER)
) -> dict[str, MapLooks | str]:
    """Measure the maps of a run's tasks, with its journal read once.

    Args:
        run: the run; its journal must be on this machine.
        layers: task -> the layers to read; None for all.
        measures: what is wanted; placement takes longest.

    Returns:
        Task -> the questions, or why there are none.

    Raises:
        ValueError: a layer is not there.
    """
    folder = journal_of(run) if layers else None
    if folder is None:
        return dict.fromkeys(layers, "its journal is not on this machine")
    records: dict[str, dict[str, Record]] = {task: {} for task in layers}
    for record in read_records(sorted(folder.glob("rank*.jsonl"))):
        if record.task in records and record.alignment is not None:
            records[record.task][record.uid] = record
    results: dict[str, MapLooks | str] = {}
    for task, answered in records.items():
        about = [*answered.values()]
        groups = kept_maps(folder, about, layers[task])
        results[task] = (
            _together(len(about), [_group(about, kept, measures) for kept in groups])
            if any(len(kept.places) for kept in groups)
            else "its journal has no maps; an earlier version wrote it, or they were not moved with it"
        )
    return results


def shares_of(run: Run, task: str) -> dict[str, float]:
    """Return uid -> share of the visible image that the question's boxes take; empty without the run's journal."""
    folder = journal_of(run)
    if folder is None:
        return {}
    shares = box_shares(folder)
    return {
        record.uid: shares[record.key]
        for record in read_records(sorted(folder.glob("rank*.jsonl")))
        if record.task == task and record.key in shares
    }


def _group(records: Sequence[Record], kept: KeptMaps, measures: Sequence[Name]) -> MapLooks:
    about = [records[i] for i in kept.places]
    asked = [
        donors.MapOwner(record.uid, record.image, record.image, kind)
        for record, kind in zip(about, kept.kinds, strict=True)
    ]
    result = nulls.null(kept.maps, kept.masks, donors.of_other_images(asked))
    value: dict[Name, Any] = {"log AR": result.value.log_ar, "KL": result.value.kl, "JS": result.value.js}
    level: dict[Name, Any] = {"log AR": result.level.log_ar, "KL": result.level.kl, "JS": result.level.js}
    if "placement" in measures:
        value["placement"] = np.array([_placed(kept, number, record) for number, record in enumerate(about)])
        level["placement"] = np.full(value["placement"].shape, CHANCE)
    inside, visible = kept.masks.sum(axis=1), kept.visible.sum(axis=1)
    return MapLooks(
        len(records),
        [record.uid for record in about],
        [record.image for record in about],
        kept.layers,
        [kept.grid] * len(about),
        inside / visible,
        np.stack([*uniform(inside, visible, kept.masks.shape[1])])[[0, 2, 3]],
        {name: value[name] for name in measures},
        {name: level[name] for name in measures},
        (kept.maps == 0).any(axis=(0, 2)),
    )


def _placed(kept: KeptMaps, number: int, record: Record) -> Floats:
    maps = kept.maps[number].reshape(-1, *kept.grid)
    mask, visible = (each[number].reshape(kept.grid) for each in (kept.masks, kept.visible))
    return placement.place(maps, mask, visible, record.uid).share


def _together(asked: int, groups: Sequence[MapLooks]) -> MapLooks:
    first = groups[0]
    return MapLooks(
        asked,
        [uid for one in groups for uid in one.uids],
        [image for one in groups for image in one.images],
        first.layers,
        [grid for one in groups for grid in one.grids],
        np.concatenate([one.shares for one in groups]),
        np.concatenate([one.even for one in groups], axis=1),
        {name: np.concatenate([one.value[name] for one in groups]) for name in first.value},
        {name: np.concatenate([one.level[name] for one in groups]) for name in first.level},
        np.any([one.hidden for one in groups], axis=0),
    )
