"""Values of a run's kept maps for every question and layer, beside those of maps of other images on the same box.

Several grids are measured apart and put together. Nothing is judged here: `grounding` and `reproduce.domain_gap` do that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import Record, read_records
from lmms_vg.metrics import donors, nulls, placement
from lmms_vg.metrics.uniform import uniform
from lmms_vg.runs.journal_of import journal_of
from lmms_vg.runs.kept_maps import KeptMaps, box_shares, kept_maps
from lmms_vg.runs.layer_choice import LayerChoice, on_the_other_half
from lmms_vg.runs.map_regions import RegionName, regions_of
from lmms_vg.runs.record_units import unit_of_records, units_of_records
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
        choice: the layer at which they are judged.
        uids: names of the questions.
        units: patient of each, or its image where none is known: what is drawn as a whole.
        unit: what these are, in words: `image`, `patient`, or `image or patient`.
        layers: the layers that were read, from 0.
        grids: rows and columns of patches of each question.
        shares: share of the visible patches that the box marks, (questions,).
        even: AR, KL and JS of attention that is even over the visible patches, (3, questions).
        value: measure -> (questions, layers).
        level: measure -> the mean of what maps of other images have on the same box, (questions, layers); .5 for placement,
            NaN where there are too few other images.
        other_questions: measure -> the mean of what maps of the other questions about this image, whose boxes lie elsewhere,
            have on the same box; NaN where there are none.
        ar_window: AR over the mean of all places of the box's shape (`placement`), (questions, layers); empty if not wanted.
        hidden: whether a patch has no attention at all in any question's map of a layer, as under a knockout, (layers,).
        regions: measure of `map_regions` -> (questions, layers); empty if not wanted.
    """

    asked: int
    choice: LayerChoice
    uids: list[str]
    units: list[str]
    unit: str
    layers: tuple[int, ...]
    grids: list[tuple[int, int]]
    shares: Floats
    even: Floats
    value: dict[Name, Floats]
    level: dict[Name, Floats]
    other_questions: dict[Name, Floats]
    ar_window: Floats
    hidden: NDArray[np.bool_]
    regions: Mapping[RegionName, Floats] = {}

    def chosen(self, values: Floats) -> Floats:
        """Select each question's value at its own layer, (questions,), from values (questions, layers)."""
        return self.choice.of(values, self.units, self.layers)


def map_looks(
    run: Run,
    choices: Mapping[str, LayerChoice | None],
    measures: Sequence[Name] = tuple(BETTER),
    *,
    whole: bool = False,
    regions: bool = False,
) -> dict[str, MapLooks | str]:
    """Measure the maps of a run's tasks, with its journal read once.

    Args:
        run: the run; its journal must be on this machine.
        choices: task -> the layer; None to choose it on the other half of the images.
        measures: what is wanted; placement takes longest.
        whole: read all layers, not only the chosen ones.
        regions: measure which regions the maps name, too.

    Returns:
        Task -> the questions, or why there are none.

    Raises:
        ValueError: a layer is not there.
    """
    folder = journal_of(run) if choices else None
    if folder is None:
        return dict.fromkeys(choices, "its journal is not on this machine")
    records: dict[str, dict[str, Record]] = {task: {} for task in choices}
    for record in read_records(sorted(folder.glob("rank*.jsonl"))):
        if record.task in records and record.alignment is not None:
            records[record.task][record.uid] = record.without_heads()
    results: dict[str, MapLooks | str] = {}
    for task, answered in records.items():
        about = [*answered.values()]
        choice = choices[task] or (_chosen(about) if about else None)
        groups = [] if choice is None else kept_maps(folder, about, None if whole else choice.layers)
        results[task] = (
            _together([_group(about, kept, measures, choice, regions) for kept in groups])
            if choice is not None and any(len(kept.places) for kept in groups)
            else "its journal has no maps; an earlier version wrote it, or they were not moved with it"
        )
    return results


def _chosen(records: Sequence[Record]) -> LayerChoice:
    kl = np.array([(record.alignment or {})["kl"] for record in records], dtype=np.float64)
    return on_the_other_half(kl, units_of_records(records))


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


def _group(
    records: Sequence[Record], kept: KeptMaps, measures: Sequence[Name], choice: LayerChoice, regions: bool
) -> MapLooks:
    about, all_units = [records[i] for i in kept.places], units_of_records(records)
    units = [all_units[i] for i in kept.places]
    asked = [
        donors.MapOwner(record.uid, record.image, unit, kind)
        for record, unit, kind in zip(about, units, kept.kinds, strict=True)
    ]
    known = nulls.backgrounds(kept.maps)
    result = nulls.null(kept.maps, kept.masks, donors.of_other_images(asked), known)
    same_image = nulls.null(kept.maps, kept.masks, donors.of_same_image(asked, kept.masks), known).level
    value, level, other = (_by_name(values) for values in (result.value, result.level, same_image))
    window = np.empty((0, len(kept.layers)))
    if "placement" in measures:
        value["placement"], window = (
            np.stack(column)
            for column in zip(*(_placed(kept, i, record.uid) for i, record in enumerate(about)), strict=True)
        )
        level["placement"] = np.full(value["placement"].shape, CHANCE)
    inside, visible = kept.masks.sum(axis=1), kept.visible.sum(axis=1)
    return MapLooks(
        len(records),
        choice,
        [record.uid for record in about],
        units,
        unit_of_records(records),
        kept.layers,
        [kept.grid] * len(about),
        inside / visible,
        np.stack([*uniform(inside, visible, kept.masks.shape[1])])[[0, 2, 3]],
        {name: value[name] for name in measures},
        {name: level[name] for name in measures},
        {name: other[name] for name in measures if name in other},
        window,
        (kept.maps == 0).any(axis=(0, 2)),
        regions_of(kept) if regions else {},
    )


def _by_name(values: nulls.NullValues) -> dict[Name, Floats]:
    return {"log AR": values.log_ar, "KL": values.kl, "JS": values.js}


def _placed(kept: KeptMaps, number: int, uid: str) -> tuple[Floats, Floats]:
    maps = kept.maps[number].reshape(-1, *kept.grid)
    mask, visible = (marked[number].reshape(kept.grid) for marked in (kept.masks, kept.visible))
    places = placement.place(maps, mask, visible, uid)
    return places.share, places.ar_window


def _together(groups: Sequence[MapLooks]) -> MapLooks:
    first = groups[0]
    return first._replace(
        uids=[uid for group in groups for uid in group.uids],
        units=[unit for group in groups for unit in group.units],
        grids=[grid for group in groups for grid in group.grids],
        shares=np.concatenate([group.shares for group in groups]),
        even=np.concatenate([group.even for group in groups], axis=1),
        value=_joined([group.value for group in groups]),
        level=_joined([group.level for group in groups]),
        other_questions=_joined([group.other_questions for group in groups]),
        ar_window=np.concatenate([group.ar_window for group in groups]),
        hidden=np.any([group.hidden for group in groups], axis=0),
        regions={name: np.concatenate([group.regions[name] for group in groups]) for name in first.regions},
    )


def _joined(parts: Sequence[Mapping[Name, Floats]]) -> dict[Name, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
