"""Recompute where a model looked from the maps in a bundle, and compare with what the bundle states.

Maps are the submitter's too: what is found is a value that does not follow from its map, and a mask that does not lie where the
task's boxes are. Maps that were invented together with their values are not found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lmms_vg.journal import Record
from lmms_vg.journal.map_lines import MapLine
from lmms_vg.metrics.nulls import LEAST_AR
from lmms_vg.runs.kept_maps import TOLERANCE, kept_maps
from lmms_vg.submission.archive import Bundle
from lmms_vg.submission.carried_maps import extract
from lmms_vg.submission.findings import Finding
from lmms_vg.submission.map_masks import misplaced
from lmms_vg.submission.map_values import DIGITS, Floats, MapValues, hidden_layers, map_values
from lmms_vg.submission.rescoring import Pair
from lmms_vg.submission.schema import Task
from lmms_vg.submission.schema_lines import BundleAlignment

_ROUNDED = 10.0**-DIGITS  # how far a stated excess may be off by rounding


class RecomputedTask(NamedTuple):
    """The values that a task's maps give.

    Attributes:
        layers: the layers that they are of.
        values: uid -> values at these layers.
        findings: what contradicts the bundle.
    """

    layers: list[int]
    values: dict[str, MapValues]
    findings: list[Finding]


def recomputed(bundle: Bundle, name: str, task: Task, rows: str, pairs: Sequence[Pair]) -> RecomputedTask:
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
        lines = extract(bundle, name, task, rows, measured.keys(), Path(folder) / "rank0.maps")
        records = [
            Record(
                key=uid,
                task=name,
                uid=uid,
                image=_image(lines[uid]),
                patient=question.unit if question.patient else "",
            )
            for uid, question in measured.items()
        ]
        values = map_values(kept_maps(Path(folder), records), records)
    findings = [
        *_images(name, pairs, lines),
        *misplaced(name, measured, lines, task.maps.sha256),
        *_contradictions(name, task, pairs, values),
    ]
    return RecomputedTask(task.maps.layers, values, findings)


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
    for field, claim, result, is_log in fields:
        chosen = np.asarray(claim, dtype=np.float64)[list(layers)]
        far = np.flatnonzero(~(np.abs(chosen - result) <= TOLERANCE + _ROUNDED))
        if len(far):
            pair = [float(np.exp(values[far[0]]) if is_log else values[far[0]]) for values in (chosen, result)]
            message = f"{field} of layer {layers[far[0]]} is {pair[0]:.4f}, but its map gives {pair[1]:.4f}"
            yield Finding("maps", where, message)
