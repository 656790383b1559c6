"""Read result lists as the paper's authors' code writes them, to compare them with a study.

`measure_attention.py` of Guimeng-Leo-Liu/Medical-MLLMs-Fail writes OUT/MODEL/DATA_KIND_attention_METRIC_normalized.pt: a list
with one array per sample, (layers,), in the order of the questions' file, without their names. DATA is VGMED or COCO, KIND
localization or attribute, METRIC ratios, kl or js.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.runs.tidy_rows import Row
from lmms_vg.study.layer_values import LayerTable, Measure
from lmms_vg.study.study_table import StudyTable

_NAME = re.compile(r"(?P<data>VGMED|COCO)_(?P<kind>\w+?)_attention_(?P<metric>ratios|kl|js)_normalized\.pt")
_METRICS: dict[str, Measure] = {"ratios": "AR", "kl": "KL", "js": "JS"}
_SIDES = {"VGMED": "medical", "COCO": "natural"}


class ReleasedList(NamedTuple):
    """One file.

    Attributes:
        model: name of its folder.
        side: medical or natural.
        kind: localization or attribute.
        measure: AR, KL or JS.
        values: (questions, layers).
    """

    model: str
    side: str
    kind: str
    measure: Measure
    values: LayerTable


def read_released(path: Path) -> ReleasedList:
    """Read one file. Only numpy's arrays are allowed in it, no code is run.

    Raises:
        ValueError: the name is not such a file's, or its content is not a list of arrays of one length.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(
            f"--released {path}: allowed is a file named DATA_KIND_attention_METRIC_normalized.pt, with DATA VGMED or COCO, "
            "and METRIC ratios, kl or js, as the authors' measure_attention.py writes it"
        )
    values = _loaded(path)
    return ReleasedList(
        path.resolve().parent.name, _SIDES[match["data"]], match["kind"], _METRICS[match["metric"]], values
    )


def table(lists: Sequence[ReleasedList]) -> StudyTable:
    """Means by layer, one row per list and layer: without intervals, as they name no images, and without undefined values."""
    return StudyTable("released", [row for entry in lists for row in _rows(entry)])


def _rows(entry: ReleasedList) -> list[Row]:
    known = np.isfinite(entry.values)
    sums = np.where(known, entry.values, 0).sum(axis=0)
    return [
        {
            "model": entry.model,
            "side": entry.side,
            "kind": entry.kind,
            "measure": entry.measure,
            "layer": layer,
            "mean": float(total / count) if count else float("nan"),
            "n": int(count),
            "undefined": int(len(entry.values) - count),
        }
        for layer, (total, count) in enumerate(zip(sums, known.sum(axis=0), strict=True))
    ]


def _loaded(path: Path) -> LayerTable:
    import torch

    numpy_types = [
        np.ndarray,
        np.dtype,
        type(np.dtype(np.float16)),
        type(np.dtype(np.float32)),
        type(np.dtype(np.float64)),
        np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
        np._core.multiarray.scalar,  # type: ignore[attr-defined]
    ]
    try:
        with torch.serialization.safe_globals(numpy_types):
            content = torch.load(path, map_location="cpu", weights_only=True)
        rows = [np.asarray(row, dtype=np.float64) for row in content]
        values = np.stack(rows)
    except (pickle.UnpicklingError, RuntimeError, TypeError, ValueError, EOFError) as problem:
        reason = str(problem).partition("\n")[0]
        raise ValueError(
            f"--released {path}: allowed is a list with one array of layers per question ({reason})"
        ) from problem
    if values.ndim != 2 or not values.size:
        raise ValueError(f"--released {path}: arrays of shape {values.shape[1:]}: allowed is one value per layer")
    return values
