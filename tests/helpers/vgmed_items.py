"""A small built data set, for tests of what reads one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lmms_vg.vgmed import dataset, rle
from lmms_vg.vgmed.schema import BoxQuestion, Item, SourceCard
from lmms_vg.vision.images import open_picture


def item(number: int, folder: Path, **changes: Any) -> Item:
    """The item of this number, 40 x 30 pixels with one box; its image is written to the folder."""
    grey = np.full((30, 40), number % 200, np.uint8)
    mask = np.zeros((30, 40), bool)
    mask[5 : 15 + number % 10, 4:20] = True
    grey[mask] += 50
    path = folder / dataset.IMAGES / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)
    fields: dict[str, Any] = {
        "id": f"item-{number}",
        "image": f"{dataset.IMAGES}/{number}.png",
        "image_hash": open_picture(Image.fromarray(grey)).hash,
        "width": 40,
        "height": 30,
        "source": "made",
        "origin": f"{number}.png",
        "modality": ("CT", "MR")[number % 2],
        "body_part": "Abdomen",
        "label": ("liver", "spleen", "aorta")[number % 3],
        "boxes": [(4, 5, 20, 15 + number % 10)],
        "mask": rle.encode(mask),
        "patient": f"patient {number // 2}",
    }
    return Item(**fields | changes)


def questions(made: Item) -> list[BoxQuestion]:
    """A localization and an attribute question about an item."""
    return [
        BoxQuestion(
            id=f"{made.id}-localization",
            item=made.id,
            kind="localization",
            text=f"Is the {made.label} visible in the image?",
            label=made.label,
            answer="yes",
            author="template 1",
        ),
        BoxQuestion(
            id=f"{made.id}-attribute",
            item=made.id,
            kind="attribute",
            text=f"Is the {made.label} homogeneous or heterogeneous?",
            label=made.label,
            author="rule",
        ),
    ]


def write(folder: Path, n: int = 6) -> dataset.BuiltDataset:
    """Write a data set of n items with two questions each, and read it."""
    items = [item(number, folder) for number in range(n)]
    asked = [question for made in items for question in questions(made)]
    dataset.write(folder, "made", items, asked, [SourceCard(name="made", licence="CC0-1.0", items=n)], {"seed": 0})
    return dataset.read(folder)
