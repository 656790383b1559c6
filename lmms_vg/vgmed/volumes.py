"""Frames of NIfTI volumes: slices in canonical orientation, chosen by how much they show of a label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lmms_vg.vgmed import rle
from lmms_vg.vgmed.files import ImageFiles, MaskFile, patient_of
from lmms_vg.vgmed.frames import Frame, Masks, Tally
from lmms_vg.vgmed.manifest import LabelRule, SourceManifest
from lmms_vg.vgmed.mask_files import whole_numbers
from lmms_vg.vision.nifti import PLANES, Plane, Volume, read_volume, require_same_grid
from lmms_vg.vision.windows import GreyWindow, grey, percentile_window

_RULES: dict[Plane, str] = {
    "axial": "rows from front to back, columns from the patient's right to left",
    "coronal": "rows from head to foot, columns from the patient's right to left",
    "sagittal": "rows from head to foot, columns from front to back",
}


class _View(NamedTuple):
    """A slice as it is shown."""

    plane: Plane
    number: int
    window: GreyWindow | None


class _Shown(NamedTuple):
    """A label on a slice; `mask` is made when it is needed."""

    rule: LabelRule
    mask: Callable[[], NDArray[np.bool_]]


def frames(folder: Path, files: ImageFiles, manifest: SourceManifest, tally: Tally) -> Iterator[Frame]:
    """Yield the frames of a volume, by plane, slice and window. What fails is reported.

    Memory: the volume and one of its mask volumes, at 4 bytes per voxel.
    """
    place = folder / files.image
    patient = patient_of(files.image, manifest.patient)
    if patient is None:
        tally.report("no patient id", f"{place}: patient: {manifest.patient!r} does not match")
        return
    with tally.skipping("image cannot be read", str(place)):
        volume = read_volume(place, manifest.orientation or None)
        views: dict[_View, list[_Shown]] = {}
        shows: dict[tuple[Plane, int], set[str]] = {}
        for file in files.masks:
            with tally.skipping("mask cannot be read", str(folder / file.path)):
                for view, label in _labels(folder, file, volume, manifest, tally, shows):
                    views.setdefault(view, []).append(label)
        whole = cache(lambda: percentile_window(volume.values))
        for view in sorted(views, key=lambda view: (view.plane, view.number, str(view.window))):
            labels = frozenset(shows.get((view.plane, view.number), ()))
            yield _frame(view, views[view], labels, volume, whole, files.image, patient)


def chosen(counts: NDArray[np.int64], rule: str) -> list[int]:
    """Slices that are taken of a label, given its number of pixels in each: the first largest, every N-th, or all with any."""
    shown = np.flatnonzero(counts).tolist()
    if not shown or rule == "all":
        return shown
    if rule == "largest":
        return [int(counts.argmax())]
    every = int(rule.removeprefix("every:"))
    return [index for index in shown if index % every == 0]


def _labels(
    folder: Path,
    file: MaskFile,
    volume: Volume,
    manifest: SourceManifest,
    tally: Tally,
    shows: dict[tuple[Plane, int], set[str]],
) -> Iterator[tuple[_View, _Shown]]:
    """Yield the labels of a file on the slices that are chosen for them; `shows` gets them on all slices."""
    place = folder / file.path
    if file.label is not None and tally.rule(manifest, file.label, str(place)) is None:
        return
    masks = read_volume(place, manifest.orientation or None)
    require_same_grid(volume, masks)
    if not masks.values.any():
        tally.dropped["empty mask"] += 1
        return
    for plane in manifest.planes:
        counts = _counts(masks, plane, file.label is not None)
        for value in np.flatnonzero(counts[:, 1:].any(axis=0)) + 1:
            rule = tally.rule(manifest, int(value) if file.label is None else file.label, str(place))
            if rule is None:
                continue
            for index in np.flatnonzero(counts[:, value]).tolist():
                shows.setdefault((plane, index), set()).add(rule.name)
            for index in chosen(counts[:, value], manifest.slices):
                view = _View(plane, index, manifest.volume_window(rule))
                if file.label is None:
                    yield view, _Shown(rule, partial(_equal, masks, plane, index, int(value)))
                else:  # many files, one volume each: keep the slice only
                    yield view, _Shown(rule, partial(rle.decode, rle.encode(masks.slice(plane, index) != 0)))


def _counts(masks: Volume, plane: Plane, one_label: bool) -> NDArray[np.int64]:
    """Pixels per slice and value, (slices, values); a file of one label has the values 0 and 1."""
    rows = []
    for values in np.moveaxis(masks.values, PLANES[plane], 0):
        labels = (values != 0).astype(np.int64) if one_label else whole_numbers(values, masks.name)
        rows.append(np.bincount(labels.ravel(order="K")))
    longest = max([2, *map(len, rows)])
    return np.stack([np.pad(row, (0, longest - len(row))) for row in rows])


def _equal(masks: Volume, plane: Plane, index: int, value: int) -> NDArray[np.bool_]:
    return np.equal(masks.slice(plane, index), value)


def _frame(
    view: _View,
    labels: list[_Shown],
    shows: frozenset[str],
    volume: Volume,
    whole: Callable[[], GreyWindow],
    origin: str,
    patient: str,
) -> Frame:
    window = view.window or whole()
    words = f"centre {window.centre:g}, width {window.width:g}"
    masks: Masks = {}
    for rule, mask in labels:
        masks.setdefault(rule.name, (rule, []))[1].append(mask())
    return Frame(
        origin,
        patient,
        Image.fromarray(grey(volume.slice(view.plane, view.number), window)),
        masks,
        shows,
        view.plane,
        view.number,
        f"{_RULES[view.plane]}; stored {volume.stored}",
        words if view.window else f"{words} (percentiles 0.5 to 99.5 of the volume)",
    )
