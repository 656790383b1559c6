"""A submission's attention in one task at every layer, read from its bundle, in the form that curves and differences need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.submission.look_scores import EXCESS, PLACEMENT, per_layer
from lmms_vg.submission.schema_lines import BundleAlignment
from lmms_vg.submission.validate import pairs
from lmms_vg.submission.validated import Entry, Values

#: The values that are read for every question.
METRICS = ("ar", "kl", "js", *EXCESS, PLACEMENT)


class LayerLooks(NamedTuple):
    """The questions of one task.

    Attributes:
        uids: names of the questions.
        images: image of each, or its patient where the data set tells.
        values: metric -> (questions, layers), NaN for a question without one; metrics that no question has are left out.
        best: the layer that the submission's numbers are taken at.
        hidden: layers in which patches have no attention at all.
    """

    uids: tuple[str, ...]
    images: tuple[str, ...]
    values: Mapping[str, Values]
    best: int
    hidden: tuple[int, ...]


def layer_looks(entry: Entry, bundle: Path, task: str) -> LayerLooks | None:
    """Read a task of a valid bundle; None if it measured nothing."""
    rows = [(question, answer.alignment) for question, answer in pairs(bundle, task)]
    layers = max((len(alignment.kl) for _, alignment in rows if alignment is not None), default=0)
    if not layers:
        return None
    values = {name: np.array([_row(alignment, name, layers) for _, alignment in rows]) for name in METRICS}
    stated = entry.manifest.tasks[task]
    return LayerLooks(
        tuple(question.uid for question, _ in rows),
        tuple(question.unit for question, _ in rows),
        {name: row for name, row in values.items() if np.isfinite(row).any()},
        int(stated.metrics["best_layer"] or 0),
        tuple(stated.hidden),
    )


def _row(alignment: BundleAlignment | None, name: str, layers: int) -> list[float]:
    stated = None if alignment is None else per_layer(alignment, name)
    return [math.nan] * layers if stated is None else stated
