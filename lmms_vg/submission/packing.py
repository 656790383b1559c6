"""Choose the maps that a bundle carries: all that are kept, if they are small enough, so that grounding can be verified.

A bundle is usually sent in by pull request, and GitHub refuses files of 100 MB. So all layers are packed while the maps of all
tasks have 100 MB before compression; else only the layer that a task's numbers are taken at, as long as that fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lmms_vg.submission.journal_looks import JournalLooks

#: Most bytes of maps in a bundle, before compression.
MOST = 100_000_000


class Packing(NamedTuple):
    """The maps of a bundle.

    Attributes:
        layers: task -> the layers that are packed.
        notes: task -> what is or is not packed, and why, in words.
    """

    layers: dict[str, list[int]]
    notes: dict[str, str]


def packing(looks: Mapping[str, JournalLooks | str], judged: Mapping[str, int]) -> Packing:
    """Decide what is packed.

    Args:
        looks: task -> its maps, or why there are none.
        judged: task -> the layer that its numbers are taken at.
    """
    kept = {task: maps for task, maps in looks.items() if isinstance(maps, JournalLooks)}
    every = {task: [*range(len(next(iter(maps.records.values())).alignment["kl"]))] for task, maps in kept.items()}  # type: ignore[index]
    notes = {task: f"no maps: {reason}" for task, reason in looks.items() if isinstance(reason, str)}
    if sum(maps.size(every[task]) for task, maps in kept.items()) <= MOST:
        return Packing(every, notes | {task: f"maps of all {len(layers)} layers" for task, layers in every.items()})
    result, left = Packing({}, notes), MOST
    for task, maps in kept.items():
        size = maps.size([judged[task]])
        if size <= left:
            left -= size
            result.layers[task] = [judged[task]]
            result.notes[task] = (
                f"maps of layer {judged[task]} only, which its numbers are taken at; those of all layers are too large"
            )
        else:
            result.notes[task] = f"no maps: they need {size:,} bytes, and {left:,} are left"
    return result
