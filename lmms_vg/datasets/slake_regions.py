"""The objects on one image of SLAKE, as the image's files state them.

Beside `source.jpg` there are `detection.json`, a list of objects such as `{"Liver": [54, 106, 30, 31]}` (x, y, width, height
in pixels), and `mask.png`, as large as the image, whose pixels have the values of `mask.txt`. Findings such as "Atelectasis"
have boxes only. An image without one of the files has no objects of that kind.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets.archives import archive_root, read_file
from lmms_vg.datasets.counts import partial_allowed
from lmms_vg.datasets.mask_boxes import tiles
from lmms_vg.datasets.slake import IMAGES, SLAKE
from lmms_vg.datasets.slake_objects import vocabulary
from lmms_vg.datasets.source import DataError, missing
from lmms_vg.datasets.vgmed import to_xyxy
from lmms_vg.vision.images import open_rgb


class Regions(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: label -> its boxes (x1, y1, x2, y2 in pixels), from `detection.json`.
        masks: label -> boxes that tile its mask.
        unused: why there are no masks although there is a file of them; empty otherwise.
    """

    boxes: dict[str, list[list[float]]]
    masks: dict[str, list[list[float]]]
    unused: str = ""

    @property
    def labels(self) -> list[str]:
        """The labels of all objects, sorted."""
        return sorted(self.boxes.keys() | self.masks.keys())

    def place(self, label: str) -> list[list[float]]:
        """Return the tiles of an object's mask, or else its boxes."""
        return self.masks.get(label) or self.boxes[label]


def regions_of(image: str) -> Regions:
    """Read the objects of an image, given by its `img_name` (`xmlab1/source.jpg`).

    Raises:
        DataMissing: there are no images, and they cannot be downloaded; or this one is not among them.
        DataError: `detection.json` or `mask.png` is damaged; the message has its path.
    """
    return _regions(archive_root(SLAKE, IMAGES), image)


@cache  # several tasks ask about an image, and decoding all masks takes seconds
def _regions(root: Path, image: str) -> Regions:
    folder = image.rpartition("/")[0]
    detected = read_file(root, f"{folder}/detection.json", "imgs")
    boxes = {} if detected is None else _boxes(f"{folder}/detection.json", detected)
    picture, painted = (read_file(root, path, "imgs") for path in (image, f"{folder}/mask.png"))
    if picture is None and not partial_allowed():  # else half a download would count as images without objects
        raise missing(SLAKE, IMAGES, f"{image} is in no zip and no folder 'imgs' of {root}.")
    if painted is None:
        return Regions(boxes, {})
    masks, unused = _masks(f"{folder}/mask.png", painted, picture)
    return Regions(boxes, masks, unused)


def _boxes(path: str, data: bytes) -> dict[str, list[list[float]]]:
    """Label -> boxes. A box that is not four numbers keeps its place, so that its question fails visibly."""
    try:
        entries = parse_json(data)
    except ValueError as error:
        raise DataError(f"slake {path}: {error}; the file is damaged: download imgs.zip again") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"slake {path}: allowed is a list of objects such as {{'Liver': [x, y, width, height]}}")
    boxes: dict[str, list[list[float]]] = {}
    for entry in entries:
        for label, box in entry.items():
            boxes.setdefault(label, []).extend(to_xyxy([box], xywh=True))
    return boxes


def _masks(path: str, data: bytes, picture: bytes | None) -> tuple[dict[str, list[list[float]]], str]:
    """Label -> tiles of its mask, and why the file is not used; it must fit the picture, and have three equal channels."""
    try:
        channels = open_rgb(BytesIO(data)).split()
    except ValueError as error:
        raise DataError(f"slake {path}: {error}; the file is damaged: download imgs.zip again") from error
    if any(ImageChops.difference(channels[0], other).getbbox() for other in channels[1:]):
        return {}, "its channels differ"
    (width, height), size = channels[0].size, _size(picture)
    if size is not None and size != (width, height):
        return {}, f"it has {width} x {height} pixels, the image {size[0]} x {size[1]}"
    labels = {value: label for label, value in vocabulary().mask_values.items()}
    by_value = tiles(np.asarray(channels[0]))
    return {labels[value]: boxes for value, boxes in by_value.items() if value in labels}, ""


def _size(picture: bytes | None) -> tuple[int, int] | None:
    """Width and height of the image, from its header; None if there is none that can be read, which asking will report."""
    if picture is None:
        return None
    try:
        with Image.open(BytesIO(picture)) as image:
            return image.size
    except (UnidentifiedImageError, OSError):
        return None
