"""Where a run looked, judged by what maps that cannot know the box have: excess over maps of other images, and placement.

All from the maps that the run's journal keeps, at one layer. Several grids are measured apart and put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from lmms_vg import journal
from lmms_vg.journal import JournalError, Record, is_journal, read_entries, read_records
from lmms_vg.metrics import donors, nulls, placement
from lmms_vg.metrics.statistics import Difference, holm, paired
from lmms_vg.runs.kept_maps import KeptMaps, kept_maps
from lmms_vg.runs.results import Run
from lmms_vg.runs.saying import LEVEL

Name = Literal["log AR", "KL", "JS", "placement"]

#: Measure -> 1 where more is better, -1 where less is.
BETTER: dict[Name, int] = {"log AR": 1, "KL": -1, "JS": -1, "placement": 1}

_CHANCE = 0.5  # placement of a box that is like any other place

#: What is said of KL where patches have no attention at all.
HIDDEN = "no verdict (hidden patches)"

#: What of a run's provenance does not name its journal; versions are those of more than what computes.
_BESIDE = {"settings", "shared", "leaks", "commit", "default_settings", "versions", "host_options", "spent"}


class LookStrength(NamedTuple):
    """One measure of one task.

    Attributes:
        value: mean of the questions.
        level: mean of what maps of other images have on the same boxes; .5 for placement.
        excess: value minus level, with an interval and a p-value from whole images; 0 is what a blind look has.
        n: number of questions; those without enough other images, or places, are left out.
    """

    value: float
    level: float
    excess: Difference
    n: int


class Grounding(NamedTuple):
    """How a run looked at the boxes of a task.

    Attributes:
        layer: the layer, from 0.
        in_sample: whether it was chosen as the one of lowest mean KL on these questions.
        hidden: whether a patch has no attention at all in this layer, as under a knockout, so that KL says nothing.
        asked: number of questions with measured attention; fewer may have maps.
        looked: measure -> what was found; a measure is left out where no question has it.
        questions: measure -> uid -> value and level of each question that has both.
        images: uid -> image.
    """

    layer: int
    in_sample: bool
    hidden: bool
    asked: int
    looked: dict[Name, LookStrength]
    questions: dict[Name, dict[str, tuple[float, float]]]
    images: dict[str, str]

    def verdicts(self, adjusted: Mapping[Name, float]) -> dict[Name, str]:
        """Say of each measure whether looking is shown; `adjusted` is measure -> corrected p-value."""
        return {
            name: HIDDEN
            if name == "KL" and self.hidden
            else "shown"
            if adjusted[name] < LEVEL and BETTER[name] * found.excess.mean > 0
            else "not shown"
            for name, found in self.looked.items()
        }


def grounding(run: Run, layers: Mapping[str, int | None]) -> dict[str, Grounding | str]:
    """Judge where a run looked, with its journal read once.

    Args:
        run: the run; its journal must be on this machine.
        layers: task -> the layer; None for the one of lowest mean KL.

    Returns:
        Task -> the result, or why there is none.

    Raises:
        ValueError: the layer is not there.
    """
    folder = journal_of(run) if layers else None
    if folder is None:
        return dict.fromkeys(layers, "its journal is not on this machine")
    records: dict[str, dict[str, Record]] = {task: {} for task in layers}
    for record in read_records(sorted(folder.glob("rank*.jsonl"))):
        if record.task in records and record.alignment is not None:
            records[record.task][record.uid] = record
    results: dict[str, Grounding | str] = {}
    for task, answered in records.items():
        given = layers[task]
        at = run.means[task]["best_layer"] if given is None else given
        asked = [*answered.values()]
        if at is None:
            results[task] = "no question has a value"
        elif kept := kept_maps(folder, asked, [int(at)]):
            results[task] = _judged(asked, kept, int(at), given is None)
        else:
            results[task] = "its journal has no maps; an earlier version wrote it, or they were not moved with it"
    return results


def corrected(results: Mapping[str, Grounding]) -> dict[str, dict[Name, float]]:
    """Return task -> measure -> p-value, corrected (Holm) over all measures of all tasks."""
    p = {(task, name): found.excess.p for task, result in results.items() for name, found in result.looked.items()}
    keys = {f"{number}": key for number, key in enumerate(p)}
    adjusted = holm({number: p[key] for number, key in keys.items()})
    together: dict[str, dict[Name, float]] = {task: {} for task in results}
    for number, (task, name) in keys.items():
        together[task][name] = adjusted[number]
    return together


def journal_of(run: Run) -> Path | None:
    """Return the journal that a run's answers are in: its own folder, or the one of its provenance; None if there is none."""
    if is_journal(run.path):
        return run.path
    if run.provenance is None:
        return None
    wanted = _identity(run.provenance)
    for folder in sorted((journal.home() / "journal").glob("*")):
        if is_journal(folder):
            try:
                first = next(read_entries(sorted(folder.glob("rank*.jsonl"))), None)
            except JournalError:  # of another format
                continue
            if isinstance(first, dict) and _identity(first) == wanted:
                return folder
    return None


def _identity(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in provenance.items() if name not in _BESIDE}


def _judged(records: list[Record], groups: list[KeptMaps], layer: int, in_sample: bool) -> Grounding:
    values: dict[Name, dict[str, tuple[float, float]]] = {name: {} for name in BETTER}
    hidden = False
    for kept in groups:
        about = [records[i] for i in kept.places]
        hidden |= bool((kept.maps == 0).any())
        asked = [
            donors.MapOwner(record.uid, record.image, record.image, kind)
            for record, kind in zip(about, kept.kinds, strict=True)
        ]
        result = nulls.null(kept.maps, kept.masks, donors.of_other_images(asked))
        for name, value, level in zip(BETTER, result.value, result.level, strict=False):
            for record, own, null in zip(about, value[:, 0], level[:, 0], strict=True):
                values[name][record.uid] = float(own), float(null)
        for record, maps, mask, visible in zip(about, kept.maps, kept.masks, kept.visible, strict=True):
            look, target, seen = (each.reshape(kept.grid) for each in (maps[0], mask, visible))
            values["placement"][record.uid] = float(placement.place(look, target, seen, record.uid).share), _CHANCE
    images = {record.uid: record.image for record in records}
    known = {
        name: {uid: pair for uid, pair in pairs.items() if np.isfinite(pair).all()} for name, pairs in values.items()
    }
    looked = {name: _looked(pairs, images) for name, pairs in known.items() if pairs}
    return Grounding(layer, in_sample, hidden, len(records), looked, known, images)


def _looked(known: Mapping[str, tuple[float, float]], images: Mapping[str, str]) -> LookStrength:
    value, level = np.mean([*known.values()], axis=0)
    blind, own = ({uid: pair[place] for uid, pair in known.items()} for place in (1, 0))
    return LookStrength(float(value), float(level), paired(blind, own, images), len(known))
