"""VGMED (Liu et al., ICLR 2026, Section 2, Table C.2): questions with boxes, on medical images and on COCO images.

It has four JSON-lines files: two kinds of questions, each on both sorts of images. Boxes are xywh in all COCO rows and in
medical rows whose image path starts with "Slake", and xyxy in all other rows; here all become xyxy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from lmms_vg._util.json_text import parse_json
from lmms_vg.datasets import coco
from lmms_vg.datasets.archives import read_file
from lmms_vg.datasets.schema import DatasetSpec, Sample
from lmms_vg.datasets.source import DataError, local_root, locate, locate_root, missing, safe_path

Images = Literal["VGMED", "COCO"]
Kind = Literal["localization", "attribute"]
NAN = float("nan")

# The paper counts image-box pairs (13,962), not rows of the files, so there is no count to check.
VGMED = DatasetSpec(
    name="vgmed",
    hub_id="guimeng-liu/VGMED",
    licence="not stated; images keep the terms of their 44 sources",
    files={
        f"{images}_{kind}.jsonl": "some MB, about 14,000 rows"
        for images in ("VGMED", "COCO")
        for kind in ("localization", "attribute")
    }
    | {"*": "with the images, size not known"},
)


def load(images: Images, kind: Kind) -> list[Sample]:
    """Load all rows of one file; broken boxes are kept as they are.

    Raises:
        DataMissing: the file is missing.
        DataError: the file is empty, or a row is broken; the message has file and line.
    """
    path = locate(VGMED, f"{images}_{kind}.jsonl")
    samples = [_sample(number, image, row, images, kind) for number, image, row in read_rows(path)]
    if not samples:
        raise DataError(f"{path} is empty; download it again")
    return samples


def read_image(path: str) -> bytes:
    """Read an image file by its path in the medical files.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    root = locate_root(VGMED)
    data = read_file(root, path)
    if data is None:
        raise missing(VGMED, "", f"{path} is in no zip and no folder of {root}.")
    return data


def read_coco_image(path: str) -> bytes:
    """Read an image file by its path in the COCO files.

    Raises:
        DataMissing: it is in no zip and no folder.
    """
    return coco.read_image(path, beside=local_root(VGMED))


def boxes_of(row: dict[str, Any], *, xywh: bool) -> list[list[float]]:
    """Boxes of a row, from `bbox` or `original_bboxes`, converted by `to_xyxy`."""
    return to_xyxy(row["bbox"] if "bbox" in row else row.get("original_bboxes"), xywh=xywh)


def to_xyxy(boxes: Any, *, xywh: bool) -> list[list[float]]:
    """Convert a file's boxes to lists of floats, in xyxy order.

    None becomes an empty list. Anything but a number becomes NaN, and anything but a list becomes four NaNs; inverted
    boxes and boxes of another length stay as they are. Nothing is repaired: a guessed box would give numbers that look
    like results.
    """
    if boxes is None:
        return []
    if not isinstance(boxes, list):
        return [[NAN] * 4]
    return [_box(box, xywh) for box in boxes]


def _box(box: Any, xywh: bool) -> list[float]:
    if not isinstance(box, list):
        return [NAN] * 4
    numbers = [_number(value) for value in box]
    if xywh and len(numbers) == 4:
        x, y, width, height = numbers
        return [x, y, x + width, y + height]
    return numbers


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NAN
    try:
        return float(value)
    except OverflowError:  # JSON has integers of any size
        return NAN


def read_rows(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Read a JSON-lines file: line number (from 1), path of the image, and row.

    Raises:
        DataError: a row is broken; the message has file and line.
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = parse_json(line)
            except ValueError as error:
                raise DataError(
                    f"{path}, line {number}: {error}; correct the line, or download the file again"
                ) from error
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: allowed is a JSON object with image and question")
            image = text_of(row, "image")
            try:
                image = safe_path(image) if image else ""  # a row without an image fails when the image is opened
            except DataError as error:
                raise DataError(f"{path}, line {number}: {error}") from error
            yield number, image, row


def text_of(row: dict[str, Any], name: str) -> str:
    """Return a row's text under `name`; empty if there is none or it is not a text."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _sample(number: int, image: str, row: dict[str, Any], images: Images, kind: Kind) -> Sample:
    medical = images == "VGMED"
    return Sample(
        uid=f"{'vgmed' if medical else 'vgmed_coco'}/{kind}/{number}",
        images=[f"{'vgmed' if medical else 'coco'}:{image}"],
        question=text_of(row, "question"),
        modality=text_of(row, "modality"),
        organ=text_of(row, "label"),
        subset=image.partition("/")[0] if medical else "coco",
        split="test",
        boxes=boxes_of(row, xywh=not medical or image.startswith("Slake")),
        licence=VGMED.licence,
        source=VGMED.source,
    )
