"""From what a journal keeps of a question, its record and its maps, to a `Look`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmms_vg.inference.look import Look, LookSite
from lmms_vg.inference.method_run import MethodRun
from lmms_vg.journal import Record
from lmms_vg.metrics.alignment import Alignment
from lmms_vg.runs.kept_maps import kept_maps


def look_of(run: MethodRun, record: Record, site: LookSite) -> Look:
    """Return the look that a method's answer is the record of.

    Raises:
        ValueError: the journal has lost its map.
    """
    kept = kept_maps(run.journal.folder, [record])
    if not kept:
        raise ValueError(f"{run.journal.folder}: the map of this question is damaged or gone; load with journal=False")
    rows, cols = kept[0].grid
    maps = kept[0].maps[0].astype(np.float64).reshape(-1, rows, cols)
    means = maps.mean(axis=(1, 2), keepdims=True)
    lifts = np.divide(maps, means, out=np.zeros_like(maps), where=means > 0)
    # Nothing else leaves a patch without any attention in the layers of a knockout.
    layers = list(getattr(run.method, "layers", ())) if record.extras.get("hidden_tokens") else []
    hidden = (lifts[layers] == 0).any(axis=0) if layers else None
    return Look(run.method.name, record.text, _alignment(record), record, site, lifts, hidden, run.journal.provenance)


def _alignment(record: Record) -> Alignment | None:
    if record.alignment is None:
        return None
    values: dict[str, NDArray[np.float64]] = {name: np.array(record.alignment[name]) for name in Alignment._fields}
    return Alignment(**values)
