"""Pictures of what a method did to the map: plain beside method on the same questions, where a bundle carries their maps.

Which questions are drawn is a rule that looks at no score of the method: the questions of a task fall into thirds by the plain
run's placement, and of each third the one with the smallest hash of its name is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.datasets.images import open_image
from lmms_vg.datasets.licences import may_pass_on
from lmms_vg.datasets.source import DataError, DataMissing, offline
from lmms_vg.leaderboard.layer_looks import LayerLooks
from lmms_vg.runs.plots.overlay import Panel, draw_overlay
from lmms_vg.submission.carried_maps import CarriedMap, carried_maps
from lmms_vg.submission.look_scores import PLACEMENT
from lmms_vg.submission.map_masks import lies
from lmms_vg.submission.schema_lines import BundleQuestion
from lmms_vg.submission.validate import pairs
from lmms_vg.tasks.registry import TASKS

#: The rule in words.
RULE = (
    "Drawn, not picked: the questions fall into thirds by the placement of {of} at layer {layer}, and of each third the one "
    "whose name has the smallest SHA-256 is shown."
)

THIRDS = ("lowest", "middle", "highest")


class LookedRun(NamedTuple):
    """A submission, and where it looked in a task."""

    name: str
    bundle: Path
    looks: LayerLooks


class MapPicture(NamedTuple):
    """A picture of one question.

    Attributes:
        data: a PNG.
        caption: what it shows.
        about: the same for those who do not see it, with the placements.
    """

    data: bytes
    caption: str
    about: str


def map_pictures(task: str, own: LookedRun, plain: LookedRun | None) -> Iterator[MapPicture]:
    """Draw three questions of a task; none where images may not be passed on, or are not on this machine.

    Args:
        task: the task.
        own: the submission.
        plain: its plain run, whose layer and placement count; None without one.
    """
    base = plain or own
    if not may_pass_on(TASKS[task].spec.licence) or PLACEMENT not in base.looks.values:
        return
    chosen = drawn(base.looks)
    runs = [base] if plain is None else [base, own]
    maps = [carried_maps(run.bundle, task, base.looks.best, [*chosen.values()]) for run in runs]
    if not maps[-1]:
        return
    questions = {question.uid: question for question, _ in pairs(own.bundle, task)}
    for third, uid in chosen.items():
        if not of_its_data(task, next(iter(questions[uid].images), "")):
            continue
        shown = [(run, carried[uid]) for run, carried in zip(runs, maps, strict=True) if uid in carried]
        picture = _picture(questions[uid], third, base, shown)
        if picture is not None:
            yield picture


def of_its_data(task: str, uri: str) -> bool:
    """Return whether an image is of a task's own data: a forged bundle could name one of another, which must not be shown."""
    return uri.partition(":")[0] in {source.name for source in TASKS[task].file_sets}


def drawn(looks: LayerLooks) -> dict[str, str]:
    """Return the name of each third by placement -> its question; of equal placements the smaller name comes first."""
    placement = looks.values[PLACEMENT][:, looks.best]
    order = sorted((float(value), uid) for value, uid in zip(placement, looks.uids, strict=True) if np.isfinite(value))
    thirds = np.array_split(np.array([uid for _, uid in order], dtype=object), len(THIRDS))
    return {name: min(third, key=_hash) for name, third in zip(THIRDS, thirds, strict=True) if len(third)}


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()


def _picture(
    question: BundleQuestion, third: str, base: LookedRun, shown: list[tuple[LookedRun, CarriedMap]]
) -> MapPicture | None:
    try:
        with offline():
            image = open_image(question.images[0])
    except (DataMissing, DataError, OSError):
        return None
    panels, placements = [], []
    for run, carried in shown:
        view = lies(question, image.size, carried.mask, carried.visible)
        if view is None:
            return None
        share = _placement(run.looks, question.uid, base.looks.best)
        hidden = carried.lift == 0
        panels.append(Panel(f"{run.name}, placement {share:.2f}", view, carried.lift, hidden if hidden.any() else None))
        placements.append(f"placement {share:.2f} in {run.name}")
    edges = [[edge for edge in box if edge is not None] for box in question.boxes]
    data = draw_overlay(image, [box for box in edges if len(box) == 4], panels, f"layer {base.looks.best}")
    caption = f"{question.question} ({question.uid}; {third} third)"
    return MapPicture(
        data, caption, f"The image with its box, and maps of layer {base.looks.best}: {', '.join(placements)}"
    )


def _placement(looks: LayerLooks, uid: str, layer: int) -> float:
    return float(looks.values[PLACEMENT][looks.uids.index(uid), layer])
