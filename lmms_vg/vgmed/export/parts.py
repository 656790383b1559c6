"""Parts that all formats of an export share: the items that questions are about, and their images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lmms_vg._util.atomic_files import replace_file
from lmms_vg.vgmed.dataset import BuiltDataset
from lmms_vg.vgmed.schema import BoxQuestion, Item


def items_of(built: BuiltDataset, questions: Sequence[BoxQuestion]) -> list[Item]:
    """Return the items that questions are about, each once, in the data set's order."""
    asked = {question.item for question in questions}
    return [item for item in built.items.values() if item.id in asked]


def is_absent(question: BoxQuestion, item: Item) -> bool:
    """Return whether a question is about something that the image does not show, so that no box belongs to it."""
    return question.label != item.label


def copy_images(built: BuiltDataset, items: Iterable[Item], out: Path) -> None:
    """Copy the images of items, each once, to the paths that they have in the data set."""
    for item in {item.image: item for item in items}.values():
        replace_file(out / item.image, built.image_bytes(item))


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write JSON lines."""
    replace_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
