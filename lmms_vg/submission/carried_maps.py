"""The maps that a bundle carries: written to a file of a journal's kind once they are in order, and read from there."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmms_vg.journal import LayerMaps, Record
from lmms_vg.journal.map_lines import MapLine, patches_of
from lmms_vg.runs.kept_maps import kept_maps
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.findings import rejected
from lmms_vg.submission.journal_looks import MOST_PATCHES
from lmms_vg.submission.schema import Task
from lmms_vg.submission.schema_lines import BundleAnswer


class CarriedMap(NamedTuple):
    """The map of one question at one layer, (rows, cols) each.

    Attributes:
        lift: attention over its mean over all patches; 1 is even attention.
        mask: the patches that a box overlaps.
        visible: the patches that show image.
    """

    lift: NDArray[np.float64]
    mask: NDArray[np.bool_]
    visible: NDArray[np.bool_]


def carried_maps(path: Path, name: str, layer: int, uids: Sequence[str]) -> dict[str, CarriedMap]:
    """Read maps of a valid bundle; empty if it carries none of this layer.

    Args:
        path: the bundle.
        name: the task.
        layer: the layer.
        uids: the questions.
    """
    with Bundle(path) as bundle, tempfile.TemporaryDirectory() as folder:
        manifest = bundle.manifest()
        task = manifest.tasks[name]
        if task.maps is None or layer not in task.maps.layers or manifest.run is None:
            return {}
        answers = bundle.lines(f"answers/{name}.jsonl", BundleAnswer, task.answers)
        measured = {answer.uid for answer in answers if answer.alignment is not None}
        extract(bundle, name, task, manifest.run.rows, measured, Path(folder) / "rank0.maps")
        records = [Record(key=uid, task=name, uid=uid) for uid in uids if uid in measured]
        result = {}
        for kept in kept_maps(Path(folder), records, [task.maps.layers.index(layer)]):
            for i, place in enumerate(kept.places):
                cells = np.asarray(kept.maps[i, 0], dtype=np.float64)
                lift, mask, visible = cells / (cells.mean() or 1), kept.masks[i], kept.visible[i]
                result[records[place].uid] = CarriedMap(
                    lift.reshape(kept.grid), mask.reshape(kept.grid), visible.reshape(kept.grid)
                )
        return result


def extract(
    bundle: Bundle, name: str, task: Task, rows: str, measured: Collection[str], out: Path
) -> dict[str, MapLine]:
    """Write the blocks of a member to a file, each if it is in order, and return uid -> the line of its map.

    Args:
        bundle: the bundle.
        name: the task.
        task: what its manifest says of it; it has maps.
        rows: token rows whose attention the run read.
        measured: the questions that have values, each of which needs a map.
        out: the file, which `runs.kept_maps` reads if it is named as those of journals.

    Raises:
        Rejected: the member cannot be read, or a map is missing, superfluous, or not as the manifest says.
    """
    assert task.maps is not None
    member = f"maps/{name}.maps"
    asked: dict[str, MapLine] = {}
    references: dict[str, MapLine] = {}
    with out.open("wb") as file:
        for line, maps, data in bundle.blocks(member, task.maps.sha256):
            lines = references if line.question is None else asked
            where = f"{member} {line.key[:100]}"
            if line.key in lines:
                raise rejected("maps", where, "appears twice")
            if wrong := _wrong(line, maps, task.maps.layers, rows, measured, references):
                raise rejected("maps", where, wrong)
            lines[line.key] = line
            file.write(data)
    if missing := next((uid for uid in measured if uid not in asked), None):
        raise rejected("maps", f"{name} {missing}", f"has values, but no map in {member}")
    return asked


def _wrong(
    line: MapLine,
    maps: LayerMaps,
    layers: Sequence[int],
    rows: str,
    measured: Collection[str],
    references: Mapping[str, MapLine],
) -> str:
    """Say what is wrong with a map; empty if nothing is."""
    if line.patches > MOST_PATCHES:
        return f"has {line.patches:,} patches, at most {MOST_PATCHES:,}"
    if line.layers != len(layers):
        return f"has {line.layers} layers, but the manifest says {len(layers)}"
    if not all(np.isfinite(values).all() and (values >= 0).all() for values in maps):
        return "has NaN, infinite or negative values"
    if (question := line.question) is None:
        return ""
    if line.key not in measured:
        return "is no question that has alignment values"
    if question.rows != rows:
        return f"is of the rows {question.rows[:20]}, but the run read {rows}"
    if question.reference not in references or references[question.reference].grid != line.grid:
        return "has no reference map on its grid before it"
    mask, visible = (patches_of(packed, line.grid) for packed in (question.mask, question.visible))
    return "" if mask.any() and not (mask & ~visible).any() else "has an empty mask, or one of patches without image"
