"""Frames of COCO JSON: instances as polygons or run lengths (https://cocodataset.org/#format-data)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco
from pydantic import BaseModel, ValidationError

from lmms_vg._util.field_errors import said
from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets.source import DataError, safe_path
from lmms_vg.vgmed import rle
from lmms_vg.vgmed.files import patient_of
from lmms_vg.vgmed.frames import Frame, Masks, Tally
from lmms_vg.vgmed.manifest import SourceManifest
from lmms_vg.vgmed.pictures import fitting
from lmms_vg.vgmed.schema import CocoRle
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.run_lengths import from_runs

_FAR = 2  # pixels that a polygon may reach beyond its image: annotators click beside it


class CocoImage(BaseModel):
    """An image of the file; other fields are ignored."""

    id: int
    file_name: str


class CocoCategory(BaseModel):
    """A category of the file."""

    id: int
    name: str


class CocoAnnotation(BaseModel):
    """An instance; `segmentation` is a list of polygons, run lengths, or missing."""

    id: int | str = ""
    image_id: int
    category_id: int
    iscrowd: int = 0
    segmentation: Any = None


class CocoFile(BaseModel):
    """The parts of a COCO JSON file that are read."""

    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoAnnotation]


class CocoUnit(NamedTuple):
    """An image of the file, with its annotations, and the names of their categories by id."""

    image: CocoImage
    annotations: list[CocoAnnotation]
    names: dict[int, str]


def units(folder: Path, manifest: SourceManifest, tally: Tally) -> list[CocoUnit]:
    """Return all images that have annotations, in the order of their file names; other annotations are reported.

    Raises:
        DataError: the JSON file is broken.
        OSError: it cannot be read.
    """
    content = read(folder / manifest.annotations)
    names = {category.id: category.name for category in content.categories}
    by_image: dict[int, list[CocoAnnotation]] = defaultdict(list)
    for annotation in content.annotations:
        by_image[annotation.image_id].append(annotation)
    units, bare = [], []
    for image in sorted(content.images, key=lambda image: image.file_name):
        annotations = by_image.pop(image.id, [])
        if not annotations:
            bare.append(image.file_name)
        else:
            used = {annotation.category_id for annotation in annotations}
            units.append(CocoUnit(image, annotations, {key: name for key, name in names.items() if key in used}))
    if bare:
        named = ", ".join(bare[:3]) + (", ..." if len(bare) > 3 else "")
        tally.say(f"{manifest.annotations}: {len(bare)} images have no annotation: {named}")
    for image_id, lonely in by_image.items():
        words = f"{manifest.annotations}: {len(lonely)} annotations of image {image_id}, which is not listed"
        tally.report("annotation has no image", words, once="lonely")
    return units


def frames(folder: Path, unit: CocoUnit, manifest: SourceManifest, tally: Tally) -> Iterator[Frame]:
    """Yield the frame of an image. What fails is reported."""
    with tally.skipping("image cannot be read", unit.image.file_name):
        yield _frame(folder, manifest, *unit, tally)


def read(path: Path) -> CocoFile:
    """Read the file.

    Raises:
        DataError: it is not JSON, or lacks a field.
    """
    try:
        return CocoFile.model_validate(parse_json(path.read_bytes()))
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {said(first)}; allowed is COCO JSON") from None
    except ValueError as problem:
        raise DataError(f"{path}: {problem}") from None


def segmentation_mask(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Return the mask of an instance, (height, width); its area may be 0.

    Raises:
        ValueError: it is neither a list of polygons nor run lengths of this size.
    """
    if isinstance(segmentation, list):
        _check_polygons(segmentation, height, width)
        merged = coco.merge(coco.frPyObjects(segmentation, height, width))
        mask: NDArray[np.bool_] = coco.decode(merged).astype(bool)
        return mask
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError("segmentation: allowed are a list of polygons, or run lengths with size and counts")
    counts = segmentation["counts"]
    if isinstance(counts, str):
        return rle.decode(CocoRle(size=segmentation["size"], counts=counts))
    if isinstance(counts, list) and isinstance(segmentation["size"], list):
        return from_runs(counts, segmentation["size"])
    raise ValueError("segmentation: allowed are counts as text or as a list, and a size of [height, width]")


def _check_polygons(polygons: list[Any], height: int, width: int) -> None:
    """Pycocotools trusts what it gets: other shapes end the program, far points take all memory."""
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("segmentation: allowed are polygons of at least three points: x1, y1, x2, y2, ...")
        if not all(type(number) in (int, float) for number in polygon):
            raise ValueError("segmentation: a polygon holds something that is no number")
        points = np.array(polygon, float).reshape(-1, 2)
        if not (np.all(points >= -_FAR) and np.all(points <= [width + _FAR, height + _FAR])):
            raise ValueError(f"segmentation: a polygon leaves its image of {width} x {height} pixels")
    if not polygons:
        raise ValueError("segmentation: no polygon")


def _frame(
    folder: Path,
    manifest: SourceManifest,
    image: CocoImage,
    annotations: list[CocoAnnotation],
    names: dict[int, str],
    tally: Tally,
) -> Frame:
    origin = safe_path(f"{manifest.images}/{image.file_name}".removeprefix("./"))
    patient = patient_of(origin, manifest.patient)
    if patient is None:
        raise DataError(f"{origin}: patient: {manifest.patient!r} does not match")
    picture = open_rgb(folder / origin)
    masks: Masks = {}
    shows = set()
    for annotation in annotations:
        place = f"{manifest.annotations}, annotation {annotation.id}"
        rule = tally.rule(manifest, names.get(annotation.category_id, f"category {annotation.category_id}"), place)
        if rule is None:
            continue
        shows.add(rule.name)
        if annotation.iscrowd:
            tally.dropped["crowd region"] += 1
        elif annotation.segmentation is None:
            words = f"{place}: no segmentation; a box alone does not show which pixels are the object"
            tally.report("annotation has no mask", words, once="no mask")
        else:
            with tally.skipping("mask cannot be read", place):
                mask = segmentation_mask(annotation.segmentation, picture.height, picture.width)
                masks.setdefault(rule.name, (rule, []))[1].append(mask)
    fit = fitting(masks, picture.size, origin, tally)
    return Frame(origin, patient, picture, fit, frozenset(shows), orientation=manifest.orientation or "as stored")
