"""COCO JSON: images, categories and one annotation per item, as pycocotools, FiftyOne and Label Studio read it.

An annotation's `bbox` is xywh around all its boxes, as COCO has one per annotation; the run lengths hold the exact mask. Its
questions are under `questions`, which readers of COCO ignore.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.datasets.mask_boxes import bounds
from lmms_vg.vgmed import rle
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.export.parts import copy_images, items_of
from lmms_vg.vgmed.schema import BoxQuestion, Item


def write_coco(built: BuiltDataset, questions: Sequence[BoxQuestion], out: Path) -> Path:
    """Write `annotations.json` and the images; returns the file."""
    items = items_of(built, questions)
    copy_images(built, items, out)
    licences = {source.name: number for number, source in enumerate(built.card.sources, start=1)}
    categories = {label: number for number, label in enumerate(sorted({item.label for item in items}), start=1)}
    images = {path: number for number, path in enumerate(dict.fromkeys(item.image for item in items), start=1)}
    asked: dict[str, list[str]] = {item.id: [] for item in items}
    for question in questions:
        asked[question.item].append(question.text)
    content = {
        "info": {"description": built.card.name, "version": built.card.hash[:16]},
        "licenses": [
            {"id": licences[source.name], "name": f"{source.name}: {source.licence}", "url": source.address}
            for source in built.card.sources
        ],
        "images": [_image(item, images, licences) for item in {item.image: item for item in items}.values()],
        "categories": [
            {"id": number, "name": label, "supercategory": "anatomy"} for label, number in categories.items()
        ],
        "annotations": [
            _annotation(number, item, images[item.image], categories[item.label], asked[item.id])
            for number, item in enumerate(items, start=1)
        ],
    }
    path = out / "annotations.json"
    replace_file(path, json.dumps(content, ensure_ascii=False) + "\n")
    return path


def _image(item: Item, images: dict[str, int], licences: dict[str, int]) -> dict[str, Any]:
    return {
        "id": images[item.image],
        "file_name": item.image,
        "width": item.width,
        "height": item.height,
        "license": licences.get(item.source, 0),
        "modality": item.modality,
        "body_part": item.body_part,
        "patient": item.patient,
    }


def _annotation(number: int, item: Item, image: int, category: int, questions: list[str]) -> dict[str, Any]:
    x1, y1, x2, y2 = bounds([[float(edge) for edge in box] for box in item.boxes])
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "segmentation": item.mask.model_dump(mode="json"),
        "area": rle.area(item.mask),
        "iscrowd": 0,
        "item": item.id,
        "questions": questions,
    }
