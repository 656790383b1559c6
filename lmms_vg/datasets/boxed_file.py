"""Questions with boxes from a JSON-lines file of one's own, in VGMED's format.

A row has ``image`` (a path inside the file's folder), ``question`` and ``bbox``: a list of xyxy boxes in pixels.
"""

import os
from pathlib import Path

from PIL import Image

from lmms_vg.datasets import vgmed
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.vision.images import open_rgb


def load(path: Path) -> list[Sample]:
    """All rows. Broken boxes are kept as they are. Errors: DataError with file and line; OSError."""
    samples = [
        Sample(
            uid=f"{path.name}/{number}",
            images=[image],
            question=vgmed.text_of(row, "question"),
            subset="",
            split="",
            boxes=vgmed.boxes_of(row, xywh=False),
            licence="",
            source=path.name,
        )
        for number, image, row in vgmed.read_rows(path)
    ]
    if not samples:
        raise DataError(f"{path} is empty")
    return samples


def open_image(folder: Path, image: str) -> Image.Image:
    """An image of the file's folder, RGB and read in full. Errors: DataError naming it."""
    if not os.path.isfile(folder / image):  # False, too, for a name longer than names may be
        raise DataError(f"{image[:200]}: there is no such image in {folder}")
    try:
        return open_rgb(folder / image)
    except ValueError as problem:
        raise DataError(f"{folder / image}: {problem}") from problem
