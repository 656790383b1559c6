"""Recompute where a model looked from the maps in a bundle, and compare with what the bundle states.

Maps are the submitter's too: what is found is a value that does not follow from its map, and a mask that does not lie where the
task's boxes are. Maps that were invented together with their values are not found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.journal import LayerMaps, Record
from lmms_vg.journal.map_lines import MapLine, patches_of
from lmms_vg.metrics.nulls import LEAST_AR
from lmms_vg.runs.kept_maps import TOLERANCE, kept_maps
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.findings import Finding, rejected
from lmms_vg.submission.journal_looks import MOST_PATCHES
from lmms_vg.submission.map_masks import misplaced
from lmms_vg.submission.map_values import DIGITS, Floats, MapValues, hidden_layers, map_values
from lmms_vg.submission.rescoring import Pair
from lmms_vg.submission.schema import BundleAlignment, Task

_ROUNDED = 10.0**-DIGITS  # how far a stated excess may be off by rounding


class Recomputed(NamedTuple):
    """What a task's maps give.

    Attributes:
        layers: the layers that they are of.
        values: uid -> values at these layers.
        findings: what contradicts the bundle.
    """

    layers: list[int]
    values: dict[str, MapValues]
    findings: list[Finding]


def recomputed(bundle: Bundle, name: str, task: Task, rows: str, pairs: Sequence[Pair]) -> Recomputed:
    """Recompute a task from the maps of its bundle.

    Args:
        bundle: the bundle.
        name: the task.
        task: what its manifest says of it; it has maps.
        rows: token rows whose attention the run read.
        pairs: its questions and answers.

    Raises:
        Rejected: the maps cannot be read, or are not those of the measured questions.
    """
    assert task.maps is not None, "only tasks with maps"
    measured = {answer.uid: question for question, answer in pairs if answer.alignment is not None}
    with tempfile.TemporaryDirectory() as folder:
        lines = _checked(bundle, name, task, rows, measured.keys(), Path(folder) / "rank0.maps")
        records = [Record(key=uid, task=name, uid=uid, image=_image(lines[uid])) for uid in measured]
        values = map_values(kept_maps(Path(folder), records), records)
    findings = [
        *_images(name, pairs, lines),
        *misplaced(name, measured, lines, task.maps.sha256),
        *_contradictions(name, task, pairs, values),
    ]
    return Recomputed(task.maps.layers, values, findings)


def _checked(
    bundle: Bundle, name: str, task: Task, rows: str, measured: Collection[str], out: Path
) -> dict[str, MapLine]:
    """Write the blocks of a member to a file, each if it is in order, and return uid -> the line of its map."""
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


def _image(line: MapLine) -> str:
    assert line.question is not None, "the map of a question"
    return line.question.image


def _images(name: str, pairs: Sequence[Pair], lines: Mapping[str, MapLine]) -> Iterator[Finding]:
    """Yield questions about one image whose maps say that they are about two: no map may be swapped for its own image's."""
    images: dict[tuple[str, ...], str] = {}
    for question, _ in pairs:
        if question.uid in lines:
            image = _image(lines[question.uid])
            first = images.setdefault((*question.images,), image)
            if image != first:
                message = (
                    f"image is {image[:80]} in its map, but {first[:80]} in that of a question about the same image"
                )
                yield Finding("maps", f"{name} {question.uid}", message)


def _contradictions(name: str, task: Task, pairs: Sequence[Pair], values: Mapping[str, MapValues]) -> Iterator[Finding]:
    assert task.maps is not None
    layers = task.maps.layers
    for _, answer in pairs:
        if answer.alignment is not None:
            if layers[-1] >= len(answer.alignment.kl):
                message = f"has values of {len(answer.alignment.kl)} layers, but maps of layer {layers[-1]}"
                yield Finding("maps", f"{name} {answer.uid}", message)
            else:
                yield from _differences(f"{name} {answer.uid}", layers, answer.alignment, values[answer.uid])
    stated, actual = [layer for layer in task.hidden if layer in layers], hidden_layers(values, layers)
    if stated != actual:
        yield Finding("maps", f"{name} hidden", f"says {stated}, but in its maps patches have no attention in {actual}")


def _differences(where: str, layers: Sequence[int], stated: BundleAlignment, actual: MapValues) -> Iterator[Finding]:
    """Yield the first layer of each field whose stated value its map does not give; AR is compared as a share of it."""
    least = np.log(np.maximum(stated.ar, LEAST_AR))
    fields: list[tuple[str, Sequence[float] | Floats, Floats, bool]] = [
        ("ar", least, np.log(actual.ar), True),
        ("kl", stated.kl, actual.kl, False),
        ("js", stated.js, actual.js, False),
    ]
    if (stated.excess is None) is not (actual.excess is None) and stated.placement is not None:
        yield Finding(
            "maps",
            where,
            f"excess is {'missing' if stated.excess is None else 'stated'}, but its maps give the opposite",
        )
    if stated.excess is not None and actual.excess is not None:
        for field, row in zip(("log_ar", "kl", "js"), actual.excess, strict=True):
            fields.append((f"excess.{field}", getattr(stated.excess, field), row, False))
    if stated.placement is not None and actual.placement is not None:
        fields.append(("placement", stated.placement, actual.placement, False))
    for field, said, made, is_log in fields:
        chosen = np.asarray(said, dtype=np.float64)[list(layers)]
        far = np.flatnonzero(~(np.abs(chosen - made) <= TOLERANCE + _ROUNDED))
        if len(far):
            pair = [float(np.exp(each[far[0]]) if is_log else each[far[0]]) for each in (chosen, made)]
            message = f"{field} of layer {layers[far[0]]} is {pair[0]:.4f}, but its map gives {pair[1]:.4f}"
            yield Finding("maps", where, message)
