"""Excess over the swap null, and placement: values per question at the layer of AR, KL and JS."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lmms_vg.metrics import nulls
from lmms_vg.submission.rescoring import Pair
from lmms_vg.submission.schema import Task
from lmms_vg.submission.schema_lines import BundleAlignment
from lmms_vg.submission.validated import Scores, Values

#: Metric -> its field of `BundleExcess`.
EXCESS = {"excess_ar": "log_ar", "excess_kl": "kl", "excess_js": "js"}
PLACEMENT = "placement"

#: Text where patches have no attention at all; KL explodes there, and log AR's level falls (`runs.grounding`).
HIDDEN = "hidden"
SPOILED = ("excess_ar", "excess_kl")

#: The same with raw KL, which has a value there, but no rank and no verdict.
SILENT = (*SPOILED, "kl")


def with_looks(scores: Scores, task: Task, layer: int, pairs: Sequence[Pair], recomputed: bool) -> Scores:
    """Return the scores of a measurement with excess and placement among `further`, and what is not judged.

    Args:
        scores: of AR, KL and JS.
        task: the manifest's.
        layer: the layer that they are taken at.
        pairs: questions and answers.
        recomputed: whether maps of this layer gave the stated values again.
    """
    rows = {name: _values(pairs, name, layer) for name in (*EXCESS, PLACEMENT)}
    known = {name: values for name, values in rows.items() if np.isfinite(values).any()}
    silent = {name: HIDDEN for name in SPOILED if name in known and layer in task.hidden}
    rules = dict.fromkeys(EXCESS, f"{scores.rule}; {nulls.signature(donors='other-images')}")
    rules[PLACEMENT] = f"{scores.rule}; placement|v:1"
    further = {name: (rules[name], values) for name, values in known.items() if name not in silent}
    return scores._replace(further={**scores.further, **further}, recomputed=recomputed, unjudged=silent)


def per_layer(alignment: BundleAlignment, name: str) -> list[float] | None:
    """Return a metric of a question at every layer; None where the bundle does not state it."""
    if name not in EXCESS:
        values: list[float] | None = getattr(alignment, name)
        return values
    return None if alignment.excess is None else getattr(alignment.excess, EXCESS[name])


def _values(pairs: Sequence[Pair], name: str, layer: int) -> Values:
    rows = (None if answer.alignment is None else per_layer(answer.alignment, name) for _, answer in pairs)
    return np.array([math.nan if row is None else row[layer] for row in rows], dtype=np.float64)
