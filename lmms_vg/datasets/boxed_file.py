"""Questions with boxes from a user's own JSON-lines file, in VGMED's format.

A row has `image` (a path relative to the file's folder), `question` and `bbox` (a list of xyxy boxes in pixels).
"""

import os
from functools import partial
from pathlib import Path

from PIL import Image

from lmms_vg.datasets import vgmed
from lmms_vg.datasets.schema import Sample
from lmms_vg.datasets.source import DataError
from lmms_vg.vision.images import open_rgb
from lmms_vg.vision.kept import opened


def load(path: Path) -> list[Sample]:
    """Load all rows; broken boxes are kept as they are.

    Raises:
        DataError: the file is empty, or a row is broken; the message has file and line.
        OSError: the file cannot be read.
    """
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
        raise DataError(f"{path} is empty; allowed is one JSON object per line, with image, question and bbox")
    return samples


def open_image(folder: Path, image: str) -> Image.Image:
    """Open an image of the file's folder as RGB, fully decoded, or return the one that the question before had.

    Raises:
        DataError: there is no such image, or it cannot be read.
    """
    return opened(folder / image, partial(_open, folder, image))


def _open(folder: Path, image: str) -> Image.Image:
    if not os.path.isfile(folder / image):  # Path.is_file() would raise for a name that is too long
        raise DataError(f"{image[:200]}: there is no such image in {folder}")
    try:
        return open_rgb(folder / image)
    except ValueError as error:
        raise DataError(f"{folder / image}: {error}") from error
